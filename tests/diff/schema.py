#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
#
# schema.py SCHEMA FILE: is the JSON of FILE what SCHEMA says? Knows the words of JSON Schema that
# docs/diff.schema.json uses, and takes no others, so that none is passed over.
import json
import sys

TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None),
         'integer': int, 'number': (int, float)}
WORDS = {'$comment', '$schema', '$defs', 'title', 'description', 'type', 'required', 'additionalProperties', 'properties',
         'items', '$ref', 'const', 'enum', 'minimum', 'minItems', 'maxItems'}


def is_type(value, name):
    if isinstance(value, bool):
        return name == 'boolean'
    return isinstance(value, TYPES[name])


def check(value, schema, root, where):
    unknown = set(schema) - WORDS
    if unknown:
        sys.exit(f'schema.py does not know {unknown}')
    if '$ref' in schema:
        to = root
        for part in schema['$ref'].removeprefix('#/').split('/'):
            to = to[part]
        check(value, to, root, where)
    types = schema.get('type', [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, t) for t in types):
        sys.exit(f'{where}: {value!r} is no {types}')
    if 'const' in schema and value != schema['const']:
        sys.exit(f"{where}: {value!r} is not {schema['const']!r}")
    if 'enum' in schema and value not in schema['enum']:
        sys.exit(f"{where}: {value!r} is none of {schema['enum']}")
    if 'minimum' in schema and value < schema['minimum']:
        sys.exit(f'{where}: {value} is too small')
    if isinstance(value, list):
        if not schema.get('minItems', 0) <= len(value) <= schema.get('maxItems', len(value)):
            sys.exit(f'{where}: {len(value)} items')
        for i, item in enumerate(value):
            check(item, schema.get('items', {}), root, f'{where}[{i}]')
    if isinstance(value, dict):
        props = schema.get('properties', {})
        for key in schema.get('required', ()):
            if key not in value:
                sys.exit(f'{where}: there is no {key}')
        for key, item in value.items():
            if key not in props and schema.get('additionalProperties') is False:
                sys.exit(f'{where}: {key} is not documented')
            check(item, props.get(key, {}), root, f'{where}.{key}')


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        schema = json.load(f)
    with open(sys.argv[2], encoding='utf-8') as f:
        value = json.load(f)
    check(value, schema, schema, '$')


main()
