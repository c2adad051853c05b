import type { Drawing } from "../../faults/fault.ts";

/** What faults may be drawn in; each has a variable of its name. */
export const faultColours: readonly Drawing["colour"][] = ["red", "orange", "purple", "blue", "grey"];

const faultStyle = faultColours
  .map(
    (colour) =>
      `.fault.${colour} { fill:url(#hatch-${colour}); stroke:var(--${colour}) } svg .fault-name.${colour} { fill:var(--${colour}) }`,
  )
  .join("\n");

/** The page's style. Colours are variables, so that light, dark and paper differ in one place. */
export const style = `
:root { color-scheme: light dark; --bg:#fff; --fg:#1b1f24; --soft:#5b6570; --line:#d9dee4; --ground:#f4f6f8;
  --pass:#1a7f4b; --fail:#c4232f; --inconclusive:#9a6700; --red:#c4232f; --orange:#b45309; --purple:#8250df; --blue:#2563c4; --grey:#66707a; --member:#1a7f4b;
  --leads:#c98a00; --hidden:#8a94a033; --unitText:#fff;
  --u0:#2f6fdb; --u1:#8250df; --u2:#0e8a8a; --u3:#b3478f; --u4:#5b7a12; --u5:#a8541b;
  --detect:#e5534b; --decide:#d29922; --dispatch:#8b6fd6; --start:#3b82d6; --ready:#2ea067; }
@media (prefers-color-scheme: dark) { :root { --bg:#0f1419; --fg:#e4e8ec; --soft:#97a3af; --line:#2b343d; --ground:#171e25;
  --pass:#3fb975; --fail:#ff6b6b; --inconclusive:#e3b341; --red:#ff6b6b; --orange:#f0883e; --purple:#b08cff; --blue:#6ca8ff; --grey:#97a3af; --member:#3fb975; --leads:#e3b341;
  --hidden:#97a3af26; --u0:#3f7fe8; --u1:#9a6cf0; --u2:#149c9c; --u3:#c45aa0; --u4:#6f9420; --u5:#c06a2c; } }
* { box-sizing:border-box }
body { margin:0 auto; max-width:1240px; padding:28px 24px 60px; background:var(--bg); color:var(--fg);
  font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif; }
h1 { font-size:22px; margin:0 0 14px; letter-spacing:-.01em } h2 { font-size:18px; margin:0 } h3 { font-size:14px; margin:22px 0 8px }
nav { display:flex; flex-wrap:wrap; gap:8px; margin-bottom:8px }
.chip { text-decoration:none; color:var(--fg); border:1px solid var(--line); border-left:4px solid; border-radius:6px; padding:3px 10px; font-size:13px }
.chip.pass { border-left-color:var(--pass) } .chip.fail { border-left-color:var(--fail) } .chip.inconclusive { border-left-color:var(--inconclusive) }
section { margin-top:26px } section.run { border-top:1px solid var(--line); padding-top:22px }
section.run header { display:flex; align-items:center; gap:12px }
.verdict { color:#fff; border-radius:20px; padding:1px 12px; font-weight:600; font-size:13px }
.verdict.pass { background:var(--pass) } .verdict.fail { background:var(--fail) } .verdict.inconclusive { background:var(--inconclusive) }
@media (prefers-color-scheme: dark) { .verdict { color:#0f1419 } }
p { margin:6px 0 } .facts, small { color:var(--soft); font-size:12.5px } .about { max-width:80ch }
.reasons { margin:10px 0; padding:10px 14px 10px 30px; background:var(--ground); border-radius:6px }
.zoom { float:right; margin:-2px 0 4px } .zoom[hidden] { display:none }
button { font:inherit; font-size:12.5px; color:var(--fg); background:var(--ground); border:1px solid var(--line); border-radius:5px; padding:1px 9px; margin-left:4px; cursor:pointer }
.lanes { display:flex; clear:both; margin-top:12px } .labels { position:relative; flex:0 0 132px }
.label { position:absolute; left:0; right:10px; display:flex; align-items:center; justify-content:flex-end; text-align:right; overflow:hidden }
.label span { white-space:nowrap; overflow:hidden; text-overflow:ellipsis }
.label.machine { font-weight:600 } .label.away { color:var(--soft); font-size:11.5px }
.scroll { flex:1; min-width:0; overflow-x:auto; overflow-y:hidden } .scroll:focus-visible { outline:2px solid var(--u0) }
svg.drawing { display:block; font-size:11px } svg text { fill:var(--soft); pointer-events:none }
.grid line { stroke:var(--line) } .flag line { stroke:var(--soft); stroke-dasharray:2 3; opacity:.55 } .flag text { fill:var(--fg); font-weight:600 }
.flag text { pointer-events:auto; cursor:help }
.ground { fill:var(--ground) } .away { fill:var(--fail) } .member { fill:var(--member) } .leads { fill:var(--leads) } .hidden { fill:url(#dots) }
.fault { stroke-width:1 } svg .fault-name { font-weight:600; paint-order:stroke; stroke:var(--bg); stroke-width:3px }
${faultStyle}
.unit.active { fill:var(--u0) } .unit.active.u1 { fill:var(--u1) } .unit.active.u2 { fill:var(--u2) } .unit.active.u3 { fill:var(--u3) } .unit.active.u4 { fill:var(--u4) } .unit.active.u5 { fill:var(--u5) }
.unit.activating, .unit.reloading { fill:var(--decide) } .unit.deactivating { fill:var(--soft) } .unit.failed { fill:var(--fail) } .unit.other { fill:var(--line) }
svg .unit-name { fill:var(--unitText); font-weight:600 }
rect:hover { filter:brightness(1.15) } .cursor { stroke:var(--fg); opacity:.5; pointer-events:none }
#tip { position:fixed; z-index:9; pointer-events:none; background:var(--fg); color:var(--bg); border-radius:5px; padding:5px 9px; font-size:12px; white-space:pre-line; max-width:380px; display:none }
.legend { display:flex; flex-wrap:wrap; gap:6px 18px; font-size:12px; color:var(--soft); margin:16px 0 0 } .legend svg { vertical-align:-2px; margin-right:6px }
table { border-collapse:collapse; width:100% } td, th { text-align:left; vertical-align:top; padding:6px 10px 6px 0; border-top:1px solid var(--line); font-weight:400 }
.recoveries th { width:200px; font-weight:600 } .recoveries small { display:block; font-weight:400 } .took { width:104px; font-size:17px; font-weight:600 }
.bar div { display:flex; height:15px; margin-top:6px } .bar div .stage { min-width:2px } .bar p { display:flex; flex-wrap:wrap; gap:3px 16px; font-size:12px; color:var(--soft) } .bar b { color:var(--fg) }
.stage { display:block } .bar p .stage { display:inline-block; width:9px; height:9px; border-radius:2px; margin-right:5px }
.detect { background:var(--detect) } .decide { background:var(--decide) } .dispatch { background:var(--dispatch) } .start { background:var(--start) } .ready { background:var(--ready) }
.mark { width:22px; font-weight:700 } .pass .mark { color:var(--pass) } .fail .mark { color:var(--fail) } .unobserved { color:var(--soft) }
.invariants ul { margin:0; padding-left:18px; color:var(--soft) } .fail ul { color:var(--fail) } .invariants ul:empty { display:none }
.spread { max-width:720px } .spread td, .spread thead th { text-align:right } .spread thead th { color:var(--soft); font-size:12px } .whole th, .whole td { font-weight:600 } .spread th.part { padding-left:18px; color:var(--soft) }
details { margin-top:18px } summary { cursor:pointer; color:var(--soft) }
pre { font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace; background:var(--ground); border-radius:6px; padding:12px; overflow-x:auto }
footer { margin-top:40px; color:var(--soft); font-size:12px }
@media print { :root { color-scheme:light; --bg:#fff; --fg:#000; --soft:#444; --line:#bbb; --ground:#f2f2f2; --fail:#b00020; --red:#b00020; --orange:#8a3d00; --purple:#5b2fb0; --blue:#1b479b; --grey:#444; --pass:#13693c; --member:#13693c; --u0:#2458b3; }
  body { max-width:none; padding:0; print-color-adjust:exact; -webkit-print-color-adjust:exact } .verdict { color:#fff }
  .zoom, nav, #tip, .cursor { display:none !important } section.run { break-inside:avoid } .scroll { overflow:visible } svg.drawing { width:100% !important } details { display:none } }
`;
