import Handlebars from "handlebars";
import { aptText, bareWord, environmentLine, rubyLiteral, shellWord } from "./quote.ts";
import { templateTexts } from "./templates.generated.ts";

export type TemplateName = keyof typeof templateTexts;

/** What templates print values with: `{{ruby name}}`, `{{environment name value}}` … A value alone is an error. */
const helpers = {
  ruby: rubyLiteral,
  shell: shellWord,
  environment: environmentLine,
  apt: aptText,
  bare: bareWord,
};

/**
 * Fills in one of our templates (Vagrantfile.hbs, templates/vagrant/, templates/user-data/). A variable that is missing
 * to be printed is an error, not an empty string.
 */
export function renderTemplate(name: TemplateName, data: object): string {
  const handlebars = Handlebars.create();
  for (const [helper, quote] of Object.entries(helpers)) {
    handlebars.registerHelper(helper, (...args: unknown[]) =>
      (quote as (...values: unknown[]) => string)(...args.slice(0, -1)),
    );
  }
  const knownHelpers = Object.fromEntries(Object.keys(helpers).map((helper) => [helper, true]));
  const template = handlebars.compile(templateTexts[name], {
    noEscape: true,
    strict: true,
    knownHelpersOnly: true,
    knownHelpers,
  });
  return template(data);
}
