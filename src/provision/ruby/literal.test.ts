import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rubyLiteral } from "../quote.ts";
import { readAssignments } from "./assignments.ts";
import { readLiteral, type RubyValue } from "./literal.ts";

describe("Ruby's literals", () => {
  it("read back as what was written, whatever it is", () => {
    const value = fc.letrec<{ any: RubyValue }>((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<RubyValue>(null, true, false),
        fc.integer(),
        fc.string({ unit: "binary" }).filter((text) => !/\p{Cs}/u.test(text)),
        fc.array(tie("any"), { maxLength: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (given) => {
        expect(readLiteral(rubyLiteral(given))).toEqual({ value: given });
      }),
    );
  });

  it.each([
    [
      `{ 80 => 8080, "a" => 'b' }`,
      new Map<string | number, RubyValue>([
        [80, 8080],
        ["a", "b"],
      ]),
    ],
    [
      "{a: 1, 'b c': [2,\n 3,], # end\n}",
      new Map<string, RubyValue>([
        ["a", 1],
        ["b c", [2, 3]],
      ]),
    ],
    [String.raw`"a\tb\u00e9\x21\"" 'c\'' `, "a\tbé!\"c'"],
    ["1_024", 1024],
    [":core", "core"],
    [String.raw`"not \#{interpolated}"`, "not #{interpolated}"],
  ])("%s", (source, value) => {
    expect(readLiteral(source)).toEqual({ value });
  });

  it.each(["ENV['A']", '"#{x}"', "1 + 1", "nil if x", "{ 1 }", "[1", "foo", "'a'.to_s", ""])(
    "%j is none",
    (source) => {
      expect(readLiteral(source)).toBeUndefined();
    },
  );
});

describe("the assignments of a Ruby file", () => {
  it("are found between everything else", () => {
    const text = String.raw`# -*- ruby -*-
=begin
$hidden = 1
=end
$num_instances=1; $b = %w(a b) # two
if File.exists?('user-data') && ARGV[0].eql?('up')
  require 'open-uri'
  token = open($new_discovery_url).read
  data = YAML.load(IO.readlines('user-data')[1..-1].join)
  if data.key? 'coreos'
    data['coreos']['etcd2']['discovery'] = token
  end
  File.open('user-data', 'w') { |file| file.write("#cloud-config\n\n#{yaml}") }
  $inside = 1
end
$list = [
  1,
]
$url = "https://x/#{$num_instances}" \
  'more'
__END__
$after = 1
`;
    const read = readAssignments(text);
    expect(
      read.ok &&
        read.assignments.map(({ name, line, conditional, value }) => [name, line, conditional, value?.value]),
    ).toEqual([
      ["num_instances", 5, false, 1],
      ["b", 5, false, undefined],
      ["inside", 14, true, 1],
      ["list", 16, false, [1]],
      ["url", 19, false, undefined],
    ]);
  });

  it("never throw, whatever the text", () => {
    const parts = fc.constantFrom(
      "$a = ",
      "'",
      '"',
      "#",
      "{",
      "}",
      "if ",
      "end",
      "\n",
      "\\",
      "%w(",
      "<<~X",
      "=begin",
      " ",
      "1",
      ";",
      "/",
      "do",
    );
    fc.assert(
      fc.property(fc.array(parts), (texts) => {
        expect(typeof readAssignments(texts.join("")).ok).toBe("boolean");
      }),
      { numRuns: 500 },
    );
  });
});
