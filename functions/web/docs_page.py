"""The OpenAPI document as one page of HTML: no script, no outside host, one style of its own."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from itertools import groupby
from typing import Any

from shared.access import ANY_SCOPE

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2330;--soft:#5b6475;--line:#dfe3ea;--paper:#fff;
--tint:#f5f7fa;--get:#0b6bcb;--post:#157a4a;--patch:#9a5b00;--accent:#4338ca}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#9aa4b5;--line:#2b3342;
--paper:#12161f;--tint:#1a202c;--get:#6db3ff;--post:#5fd39a;--patch:#f0b45c;--accent:#a5a0ff}}
*{box-sizing:border-box}html{scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.shell{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:76rem;margin:auto}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:2rem 1rem 2rem 1.5rem;
border-right:1px solid var(--line);font-size:.875rem}
nav strong{display:block;font-size:1.1rem;margin-bottom:1rem}
nav h2{font-size:.72rem;letter-spacing:.08em;text-transform:uppercase;color:var(--soft);
margin:1.4rem 0 .3rem;border:0;padding:0}
nav ul{list-style:none;margin:0;padding:0}nav li a{display:block;padding:.14rem 0;color:var(--ink)}
main{padding:2rem 2.5rem 6rem}
h1{font-size:2rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.02em}
h2{font-size:1.35rem;margin:3rem 0 1rem;padding-top:1rem;border-top:1px solid var(--line)}
h3{font-size:.95rem;margin:1.4rem 0 .4rem}
p{margin:.5rem 0;max-width:65ch}.soft{color:var(--soft)}
code,pre{font:.84rem/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
p code,td code,li code{background:var(--tint);padding:.1em .35em;border-radius:4px}
pre{background:var(--tint);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;
overflow-x:auto;margin:.4rem 0}
details.operation{border:1px solid var(--line);border-radius:10px;margin:.7rem 0}
details.operation>summary{display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:baseline;
padding:.7rem 1rem;cursor:pointer;list-style:none}
details.operation>summary::-webkit-details-marker{display:none}
details.operation[open]>summary{border-bottom:1px solid var(--line)}
details.operation>div{padding:.4rem 1.2rem 1.2rem}
details.operation:target{border-color:var(--accent)}
.method{font:700 .75rem ui-monospace,monospace;min-width:3.4rem}
.GET{color:var(--get)}.POST{color:var(--post)}.PATCH{color:var(--patch)}
.path{font:600 .9rem ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.875rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;
border-bottom:1px solid var(--line)}th{font-weight:600;color:var(--soft)}
.wide{overflow-x:auto}td:first-child{white-space:nowrap}tr:target{background:var(--tint)}
.tag{font-size:.72rem;border:1px solid var(--line);border-radius:99px;padding:.05rem .5rem;
color:var(--soft)}
details.more{margin:.3rem 0}details.more>summary{cursor:pointer;color:var(--accent);
font-size:.875rem}
@media(max-width:52rem){.shell{display:block}nav{position:static;height:auto;border:0;
border-bottom:1px solid var(--line)}main{padding:1.5rem 1rem 4rem}nav .list{display:none}
.method{min-width:100%}}
"""

Found = tuple[str, str, Mapping[str, Any]]


def page(document: Mapping[str, Any], codes: Mapping[str, tuple[int, str]]) -> str:
    """The whole page; `codes` are the error codes with their status and an example message."""
    found: list[Found] = [
        (path, method.upper(), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    order = [tag["name"] for tag in document["tags"]]
    found.sort(key=lambda each: order.index(each[2]["tags"][0]))
    groups = [
        (tag, list(each)) for tag, each in groupby(found, key=lambda each: each[2]["tags"][0])
    ]
    info, schemas = document["info"], document["components"]["schemas"]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(info["title"])} API</title><style>{_STYLE}</style></head>
<body><div class="shell">
<nav aria-label="Contents"><strong>{escape(info["title"])} API</strong>
<a href="#start">Start</a><div class="list">{"".join(_contents(*group) for group in groups)}
<h2>Reference</h2><ul><li><a href="#errors">Errors</a></li>
<li><a href="#schemas">Schemas</a></li></ul></div></nav>
<main><header id="start"><h1>{escape(info["title"])} API</h1>
<p class="soft">{escape(info["summary"])} Version {escape(info["version"])}.
For programs: <code>$KEYWRIGHT/openapi.json</code>.</p>
<p>Send the key that an operator gave you with every request. A key belongs to one company,
and carries scopes; each operation below names the one that it needs.</p>
<pre>Authorization: Api-Key &lt;prefix&gt;.&lt;secret&gt;</pre>
<p>Paths work with and without their trailing slash. Bodies are JSON of at most 1 MiB.
The examples use two shell variables: <code>$KEYWRIGHT</code>, the address of this service,
and <code>$API_KEY</code>.</p></header>
{"".join(_group(*group) for group in groups)}
{_errors(codes)}
{_schemas(schemas)}
</main></div></body></html>
"""


def _contents(tag: str, found: Iterable[Found]) -> str:
    items = "".join(
        f'<li><a href="#{operation["operationId"]}">{escape(operation["summary"])}</a></li>'
        for _, _, operation in found
    )
    return f"<h2>{escape(tag)}</h2><ul>{items}</ul>"


def _group(tag: str, found: Iterable[Found]) -> str:
    return (
        f"<section><h2>{escape(tag)}</h2>{''.join(_operation(*each) for each in found)}</section>"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    scope = operation.get("x-required-scope")
    special = {None: "no key needed", ANY_SCOPE: "any key"}
    tag = special.get(scope) or f"scope {escape(str(scope))}"
    return f"""<details class="operation" id="{operation["operationId"]}">
<summary><span class="method {method}">{method}</span><span class="path">{escape(path)}</span>
<span class="soft">{escape(operation["summary"])}</span><span class="tag">{tag}</span></summary>
<div>{_prose(operation.get("description", ""))}
{_parameters(operation["parameters"])}
{_body(operation)}
<h3>Example</h3><pre>{escape(_curl(path, method, operation))}</pre>
{_answers(operation["responses"])}</div></details>"""


def _prose(text: str) -> str:
    return "".join(f"<p>{_code(part)}</p>" for part in text.split("\n\n") if part.strip())


def _code(text: str) -> str:
    """Escaped, with what stands in backticks as code."""
    parts = escape(text.replace("``", "`")).split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}</td>"
        f"<td>{_kind(each['schema'])}{', required' if each['required'] else ''}</td>"
        f"<td>{_code(each.get('description', ''))}</td></tr>"
        for each in parameters
    )
    head = "<tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>"
    return f'<div class="wide"><table>{head}{rows}</table></div>' if rows else ""


def _body(operation: Mapping[str, Any]) -> str:
    if "requestBody" not in operation:
        return ""
    content = operation["requestBody"]["content"]
    if "application/json" not in content:
        return "<p>Body: a form, multipart/form-data, with the part <code>file</code>.</p>"
    schema = content["application/json"]["schema"]
    return f"<p>Body: {_kind(schema)}, as JSON.</p>"


def _curl(path: str, method: str, operation: Mapping[str, Any]) -> str:
    for parameter in operation["parameters"]:
        sample = str(parameter["schema"].get("examples", ["1"])[0])
        path = path.replace(f"{{{parameter['name']}}}", sample)
    lines = [
        f'curl "$KEYWRIGHT{path}"' if method == "GET" else f'curl -X {method} "$KEYWRIGHT{path}"'
    ]
    if operation["security"]:
        lines.append('-H "Authorization: Api-Key $API_KEY"')
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        lines.append("-F file=@licenses.csv")
    elif content:
        lines.append("-H 'Content-Type: application/json'")
        sent = _json(content["application/json"]["example"]).replace("'", "'\\''")
        lines.append(f"-d '{sent}'")
    return " \\\n  ".join(lines)


def _answers(responses: Mapping[str, Any]) -> str:
    shown = []
    for status, response in responses.items():
        if "content" not in response:
            shown.append(f"<tr><td>{status}</td><td>{escape(response['description'])}</td></tr>")
            continue
        ((kind, content),) = response["content"].items()
        if kind == "application/problem+json":
            links = " ".join(
                f'<a href="#error-{code}"><code>{code}</code></a>' for code in content["examples"]
            )
            shown.append(f"<tr><td>{status}</td><td>{links}</td></tr>")
            continue
        schema = _kind(content["schema"])
        shown.append(f"<tr><td>{status}</td><td>{schema} <span class=soft>{kind}</span>")
        if "example" in content:
            sample = escape(_json(content["example"]))
            shown.append(
                f'<details class="more"><summary>Example</summary><pre>{sample}</pre></details>'
            )
        shown.append("</td></tr>")
    return f'<h3>Answers</h3><div class="wide"><table>{"".join(shown)}</table></div>'


def _errors(codes: Mapping[str, tuple[int, str]]) -> str:
    rows = "".join(
        f'<tr id="error-{code}"><td><code>{code}</code></td><td>{status}</td>'
        f"<td>{escape(message)}</td></tr>"
        for code, (status, message) in sorted(codes.items())
    )
    return f"""<section id="errors"><h2>Errors</h2>
<p>Every refusal has the same body, a <a href="#schema-Problem">Problem</a>. Its <code>code</code>
is stable and meant for programs; its <code>message</code> is meant for people.</p>
<div class="wide"><table><tr><th>Code</th><th>Status</th><th>Message, for example</th></tr>
{rows}</table></div></section>"""


def _schemas(schemas: Mapping[str, Any]) -> str:
    shown = "".join(
        f'<details class="operation" id="schema-{escape(name)}"><summary><span class="path">'
        f"{escape(name)}</span></summary><div>{_prose(schema.get('description', ''))}"
        f"{_properties(schema)}</div></details>"
        for name, schema in schemas.items()
    )
    return f'<section id="schemas"><h2>Schemas</h2>{shown}</section>'


def _properties(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td>"
        f"<td>{_kind(part)}{', required' if name in required else ''}</td>"
        f"<td>{_code(part.get('description', ''))}</td></tr>"
        for name, part in schema.get("properties", {}).items()
    )
    return f'<div class="wide"><table>{rows}</table></div>' if rows else f"<p>{_kind(schema)}</p>"


def _kind(schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_kind(part) for part in schema[word]))
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_kind(schema.get('items', {}))}"
    limits = [
        f"{word} {schema[name]}"
        for name, word in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("minLength", "length ≥"),
            ("maxLength", "length ≤"),
        )
        if name in schema
    ]
    kind = schema.get("format") or schema.get("type", "anything")
    return escape(" ".join([str(kind), ", ".join(limits)]).strip())


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
