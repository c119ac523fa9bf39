# SPDX-License-Identifier: BSD-2-Clause
"""check_formats.py json|sarif|junit FILE: is it what docs/check.md, SARIF 2.1.0 and JUnit say?

SARIF: the parts of the schema that apply to what we write, by hand: required properties, types,
enumerations, and that indexes point to something. Nothing is fetched.
"""
import json
import re
import sys
import xml.etree.ElementTree as ET

import jsonschema

SCHEMA = __file__.rsplit("/", 3)[0] + "/docs/check.schema.json"
DOC = __file__.rsplit("/", 3)[0] + "/docs/check.md"


def need(cond, what):
    if not cond:
        sys.exit("wrong: " + what)


def strict(text):
    """JSON without duplicate keys, without control or invisible characters in it."""
    def pairs(p):
        need(len(p) == len(dict(p)), "duplicate key in %r" % p)
        return dict(p)
    need(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", text), "raw control")
    return json.loads(text, object_pairs_hook=pairs)


def names(table):
    rows = [r.split("|")[1] for r in table.split("\n")[2:] if r.startswith("|")]
    return set(re.findall("`([a-z_]+)`", "\n".join(rows)))


def fields(heading):
    """The names of the fields in the table behind a line of docs/check.md."""
    text = open(DOC, encoding="utf-8").read()
    table = text.split("\n" + heading + "\n", 1)[1].lstrip("\n").split("\n\n", 1)[0]
    return names(table)


def same(obj, want, what, optional=()):
    need(set(obj) | set(optional) == want, "%s has %s, documented %s" % (what, sorted(obj), sorted(want)))


def exactly(schema):
    """The schema, for a test that wants to know of a field that nobody has described."""
    if isinstance(schema, dict):
        schema = {k: exactly(v) for k, v in schema.items()}
        if "properties" in schema and isinstance(schema.get("type"), (str, list)):
            schema["additionalProperties"] = False
    return schema


def check_schema(doc):
    with open(SCHEMA, encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    for e in jsonschema.Draft202012Validator(exactly(schema)).iter_errors(doc):
        sys.exit("wrong: %s: %s" % ("/".join(map(str, e.absolute_path)), e.message))


def check_json(doc):
    check_schema(doc)
    top = open(DOC, encoding="utf-8").read().split("## The JSON\n", 1)[1].split("\n\n")[1]
    want = names(top)
    same(doc, want, "the object")
    need(doc["schema"] == "dmaseq-check-1", "schema")
    for i, f in enumerate(doc["findings"]):
        same(f, fields("A finding:"), "a finding")
        need(f["number"] == i + 1, "number")
        need(f["severity"] in ("note", "hint", "warning", "error"), "severity")
        need(f["confidence"] in ("certain", "likely", "unproven"), "confidence")
        need((f["confidence"] == "certain") == (f["doubt"] == ""), "doubt")
        for e in f["evidence"]:
            gone = () if e["kind"] == "call" else ("call", "seq", "dur_ns", "caller")
            same(e, fields("Evidence:"), "evidence", gone + ("stack",))
    for r in doc["rules"]:
        same(r, fields("A rule:"), "a rule")
        need(r["found"] <= r["judged"], "found")
    told = {}
    for f in doc["findings"]:
        told[f["rule"]] = told.get(f["rule"], 0) + f["count"]
    for r in doc["rules"]:
        need(r["untold"] or told.get(r["id"], 0) == r["found"], "sum of " + r["id"])


def check_message(m):
    need(set(m) == {"text"} and isinstance(m["text"], str) and m["text"], "message")


def check_location(loc, artifacts):
    need(set(loc) == {"physicalLocation", "logicalLocations", "message"}, "location")
    need(0 <= loc["physicalLocation"]["artifactLocation"]["index"] < artifacts, "artifact index")
    for x in loc["logicalLocations"]:
        need(set(x) == {"name", "kind"} and x["kind"] == "function", "logicalLocation")
    check_message(loc["message"])


def check_sarif(doc):
    need(set(doc) == {"$schema", "version", "runs"} and doc["version"] == "2.1.0", "log")
    need(len(doc["runs"]) == 1, "runs")
    run = doc["runs"][0]
    need(set(run) == {"tool", "artifacts", "results", "invocations"}, "run")
    driver = run["tool"]["driver"]
    need(driver["name"] == "dmaseq" and driver["version"], "driver")
    rules = driver["rules"]
    need(len({r["id"] for r in rules}) == len(rules), "rule ids")
    for r in rules:
        need(set(r) == {"id", "shortDescription", "fullDescription", "help", "defaultConfiguration",
                        "properties"}, "rule")
        need(r["defaultConfiguration"]["level"] in ("none", "note", "warning", "error"), "level")
        for k in ("shortDescription", "fullDescription", "help"):
            check_message(r[k])
        need(all(isinstance(t, str) for t in r["properties"]["tags"]), "tags")
    for a in run["artifacts"]:
        check_message(a["location"]["description"])
    for x in run["results"]:
        need(rules[x["ruleIndex"]]["id"] == x["ruleId"], "ruleIndex")
        need(x["level"] in ("none", "note", "warning", "error"), "level")
        need(x["occurrenceCount"] >= 1, "occurrenceCount")
        check_message(x["message"])
        for loc in x["locations"]:
            check_location(loc, len(run["artifacts"]))
        for flow in x.get("codeFlows", []):
            need(flow["threadFlows"], "threadFlows")
            for t in flow["threadFlows"]:
                need(t["locations"], "locations")
                for loc in t["locations"]:
                    check_location(loc["location"], len(run["artifacts"]))
        for s in x.get("suppressions", []):
            need(s["kind"] in ("inSource", "external") and s["justification"], "suppression")
    for i in run["invocations"]:
        need(i["executionSuccessful"] is True, "executionSuccessful")


def check_junit(root):
    need(root.tag == "testsuites" and len(root) == 1, "testsuites")
    suite = root[0]
    cases = list(suite)
    need(int(suite.get("tests")) == len(cases), "tests")
    need(int(suite.get("failures")) == sum(c.find("failure") is not None for c in cases), "failures")
    need(int(suite.get("skipped")) == sum(c.find("skipped") is not None for c in cases), "skipped")
    for c in cases:
        need(c.tag == "testcase" and c.get("name") and c.get("classname"), "testcase")
        need(all(e.tag in ("failure", "skipped", "system-out") for e in c), "elements")
        need(all(e.get("message") for e in c if e.tag == "failure"), "message")


kind, name = sys.argv[1:]
if kind == "junit":
    check_junit(ET.parse(name).getroot())
else:
    parsed = strict(open(name, encoding="utf-8").read())
    (check_json if kind == "json" else check_sarif)(parsed)
