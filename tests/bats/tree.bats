#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tree.bats - what the papers and the build say of the tree is so

setup() {
	cd "${AIGW_SRC:-$BATS_TEST_DIRNAME/../..}" || exit 1
}

# The sources, as FOLDER/NAME; files made by the build are not among them.
sources() {
	find bin lib filters tools -name '*.[ch]' \
		! -name prices-bundled.c ! -name models-table.c | LC_ALL=C sort
}

# The file map of docs/architecture.md, as FOLDER/NAME: lines "name.c .h  what"
# under a line that begins with `folder/`.
map() {
	awk '/<!-- map -->/ { on = 1 }
	/<!-- end of map -->/ { on = 0 }
	on && /^`/ { folder = substr($1, 2); sub(/`.*/, "", folder) }
	on && /^    [a-z]/ {
		print folder $1
		stem = $1
		sub(/\.[a-z]*$/, "", stem)
		if ($2 == ".h")
			print folder stem ".h"
	}' docs/architecture.md | grep '\.[ch]$' | LC_ALL=C sort
}

@test "the file map names every source, and nothing that is not there" {
	diff <(sources) <(map)
}

@test "Makefile.am has every source and every test" {
	for f in $(sources) tests/bats/*.bats man/*.[1578]; do
		grep -qE "(^|[[:space:]])$f( |\$)" Makefile.am || {
			case $f in tools/*) continue ;; esac
			echo "Makefile.am lacks $f"
			bad=1
		}
	done
	for f in tests/unit/test-*.c tests/fuzz/fuzz-*.c; do
		grep -qE "(^|[[:space:]])${f%.c}( |\$)" Makefile.am || {
			echo "Makefile.am lacks ${f%.c}"
			bad=1
		}
	done
	[ -z "$bad" ]
}

@test "Makefile.am stays short" {
	[ "$(wc -l <Makefile.am)" -le 300 ]
}

@test "links in the papers lead somewhere" {
	for f in *.md docs/*.md; do
		for to in $(grep -oE '\]\([^)#]+\)' "$f" | tr -d '])('); do
			case $to in http*) continue ;; esac
			[ -e "$(dirname "$f")/$to" ] || {
				echo "$f: $to"
				false
			}
		done
	done
}
