import { describe, expect, it } from "vitest";
import { renderTemplate } from "./templates.ts";
import { templateTexts } from "./templates.generated.ts";

describe("templates", () => {
  it.each(Object.entries(templateTexts))("%s prints values through a quoting function only", (_, text) => {
    const expressions = [...text.matchAll(/\{\{(?!!)([^}]*)\}\}/g)].map(([, inside]) => inside ?? "");
    const bare = expressions.filter(
      (inside) => !/^([#/](each|unless)\b|(ruby|shell|environment|apt|bare) )/.test(inside),
    );
    expect(bare).toEqual([]);
  });

  it("miss no variable in silence", () => {
    expect(() => renderTemplate("vagrant/config.rb.hbs", {})).toThrow("not a value");
  });
});
