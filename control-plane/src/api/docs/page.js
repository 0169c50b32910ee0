// Shows /v1/openapi.json as a page. Whatever comes from the document is set as text, never as HTML.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const main = document.getElementById("main");

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Text with `code` and **bold**; a blank line begins a paragraph, a dash an item. */
function prose(text) {
  const inline = (line) =>
    line.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
      if (part.startsWith("`")) return element("code", {}, part.slice(1, -1));
      if (part.startsWith("**")) return element("strong", {}, part.slice(2, -2));
      return part;
    });
  const made = element("div");
  for (const block of (text || "").split(/\n\n+/)) {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("- "))) {
      made.append(element("ul", {}, ...lines.map((line) => element("li", {}, ...inline(line.slice(2))))));
    } else if (block) {
      made.append(element("p", {}, ...inline(block)));
    }
  }
  return made;
}

fetch("/v1/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => main.replaceChildren(element("p", {}, `The document cannot be read: ${error}`)));

function show(api) {
  const resolve = (value) => {
    if (!value || !value.$ref) return value;
    return value.$ref.slice(2).split("/").reduce((at, key) => at[key.replace(/~1/g, "/").replace(/~0/g, "~")], api);
  };
  const nameOf = (schema) => (schema && schema.$ref ? schema.$ref.split("/").pop() : null);

  /** What a schema takes, in a few words. */
  function typeOf(schema) {
    if (!schema) return "anything";
    if (schema.$ref) return nameOf(schema);
    const choices = schema.oneOf || schema.anyOf || schema.allOf;
    if (choices) return choices.map(typeOf).join(schema.allOf ? " and " : " or ");
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    const types = [].concat(schema.type || "anything");
    return types.map((type) => (type === "array" ? `list of ${typeOf(schema.items)}` : schema.format ? `${type} (${schema.format})` : type)).join(" or ");
  }

  function limits(schema) {
    const said = [];
    const say = (key, words) => schema && schema[key] !== undefined && said.push(`${words} ${JSON.stringify(schema[key])}`);
    say("minimum", "at least");
    say("maximum", "at most");
    say("minLength", "characters at least");
    say("maxLength", "characters at most");
    say("maxItems", "elements at most");
    say("pattern", "matches");
    say("default", "without it");
    say("example", "such as");
    if (schema && schema.examples) said.push(`such as ${JSON.stringify(schema.examples[0])}`);
    return said.join(", ");
  }

  /** The fields of an object, opened as far as the reader opens them. */
  function fields(schema, depth = 0) {
    const whole = resolve(schema) || {};
    const parts = whole.allOf || whole.oneOf || whole.anyOf;
    if (parts) return element("div", {}, ...parts.map((part) => fields(part, depth)));
    if (whole.type === "array" || (Array.isArray(whole.type) && whole.items)) return fields(whole.items, depth);
    const table = element("table");
    for (const [name, field] of Object.entries(whole.properties || {})) {
      const inner = resolve(field) || {};
      const target = inner.items ? resolve(inner.items) : inner;
      const opens = depth < 5 && target && (target.properties || target.oneOf || target.allOf || target.anyOf);
      table.append(
        element(
          "tr",
          {},
          element("td", {}, name, (whole.required || []).includes(name) ? element("span", { className: "required" }, " *") : null),
          element(
            "td",
            {},
            element("span", { className: "type" }, [typeOf(field), limits(inner)].filter(Boolean).join("; ")),
            prose(field.description || inner.description),
            opens ? element("details", {}, element("summary", {}, "its fields"), fields(target, depth + 1)) : null,
          ),
        ),
      );
    }
    return table;
  }

  /** Something that the schema takes. */
  function sample(schema, depth = 0) {
    const whole = resolve(schema) || {};
    if (whole.example !== undefined) return whole.example;
    if (whole.examples) return whole.examples[0];
    if (whole.default !== undefined) return whole.default;
    if (whole.enum) return whole.enum[0];
    const choices = whole.oneOf || whole.anyOf;
    if (choices) return sample(choices.find((choice) => choice.type !== "null"), depth);
    if (whole.allOf) return Object.assign({}, ...whole.allOf.map((part) => sample(part, depth)));
    const type = [].concat(whole.type || "object")[0];
    if (type === "array") return depth > 3 ? [] : [sample(whole.items, depth + 1)];
    if (type === "integer" || type === "number") return whole.minimum || 0;
    if (type === "boolean") return false;
    if (type === "string") return whole.format === "date-time" ? "2026-11-21T04:00:00Z" : "…";
    const made = {};
    for (const name of whole.required || []) made[name] = sample(whole.properties[name], depth + 1);
    return made;
  }

  function curl(method, path, body) {
    const lines = [`curl -X ${method.toUpperCase()} "$TANDEM${path}"`, '-H "Authorization: Bearer $KEY"'];
    if (body) {
      lines.push('-H "Content-Type: application/json"');
      lines.push(`-d '${JSON.stringify(sample(body), null, 2)}'`);
    }
    return element("pre", {}, lines.join(" \\\n  "));
  }

  function operation(path, method, described) {
    const body = resolve(described.requestBody);
    const bodySchema = body && Object.values(body.content)[0].schema;
    const needs = ((described.security || [])[0] || {}).bearer || [];
    const section = element(
      "section",
      { id: described.operationId },
      element("h3", {}, element("span", { className: `method ${method}` }, method), path),
      element("p", { className: "needs" }, needs.length ? `needs ${needs.join(", ")}` : "needs no permission"),
      prose([described.summary, described.description].filter(Boolean).join("\n\n")),
    );
    const parameters = (described.parameters || []).map(resolve);
    if (parameters.length) {
      const rows = parameters.map((parameter) =>
        element(
          "tr",
          {},
          element("td", {}, parameter.name, parameter.required ? element("span", { className: "required" }, " *") : null),
          element(
            "td",
            {},
            element("span", { className: "type" }, [parameter.in, typeOf(parameter.schema), limits(parameter.schema)].filter(Boolean).join("; ")),
            prose(parameter.description),
          ),
        ),
      );
      section.append(element("h4", {}, "Parameters"), element("table", {}, ...rows));
    }
    if (bodySchema) section.append(element("h4", {}, `Body: ${typeOf(bodySchema)}`), fields(bodySchema));
    section.append(element("h4", {}, "Example"), curl(method, path, bodySchema));
    section.append(element("h4", {}, "Answers"));
    for (const [status, reference] of Object.entries(described.responses)) {
      const answer = resolve(reference);
      const content = Object.values(answer.content || {})[0];
      const schema = content && content.schema;
      const opens = schema && !status.startsWith("4") && !status.startsWith("5");
      section.append(
        element(
          "details",
          {},
          element("summary", {}, element("code", {}, status), ` ${schema ? typeOf(schema) : "no body"}`),
          prose(answer.description),
          opens ? fields(schema) : null,
        ),
      );
    }
    return section;
  }

  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = (item[method].tags || ["Other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([path, method, item[method]]);
    }
  }

  const contents = document.getElementById("contents");
  main.replaceChildren(element("h1", {}, `${api.info.title} ${api.info.version}`), prose(api.info.description));
  for (const [tag, operations] of groups) {
    contents.append(element("h2", {}, tag));
    main.append(element("h2", {}, tag));
    for (const [path, method, described] of operations) {
      const link = element("a", { className: "operation", href: `#${described.operationId}` });
      link.append(element("span", { className: `method ${method}` }, method), described.summary || path);
      link.dataset.words = `${method} ${path} ${described.summary} ${tag}`.toLowerCase();
      contents.append(link);
      main.append(operation(path, method, described));
    }
  }

  main.append(element("h2", { id: "problems" }, "Problems"), prose("Every error is `application/problem+json` with one of these codes."));
  for (const line of api.components.schemas.ProblemCode.description.split("\n")) {
    const [, code] = line.match(/`([^`]+)`/) || [];
    main.append(element("div", { id: code || "" }, prose(line.replace(/^- /, ""))));
  }
  document.getElementById("find").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const link of contents.querySelectorAll("a")) link.hidden = !link.dataset.words.includes(wanted);
  });
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}
