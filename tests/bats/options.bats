#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# options.bats - one row is a flag, a YAML key, a line of --help and of the man
# page: the four are compared for every filter

bats_require_minimum_version 1.5.0

setup() {
	BIN=${AIGW_BIN:-${AIGW_BUILD:-$BATS_TEST_DIRNAME/../../build}}
	SRC=${AIGW_SRC:-$BATS_TEST_DIRNAME/../..}
	PATH=$BIN:$PATH
	export HOME=$BATS_TEST_TMPDIR
	unset XDG_CONFIG_HOME AIGW_CONFIG
	cd "$BATS_TEST_TMPDIR"
	filters=$(aigw-list -c /dev/null --json | jq -r '.filters[].name')
	[ -n "$filters" ]
	conf ''
}

# A chain of all filters, and one section.
conf() {
	printf 'aigw: 1\nchain: [%s]\n%s\n' "$(echo $filters | tr ' ' ,)" \
		"$1" >all.yaml
}

# The rows of a filter as aigw-explain has them: NAME TYPE VALUE
table() {
	aigw-explain -c all.yaml --json "$1" | jq -r '.stages[0].options[] |
		"\(.name) \(.type) \(.value | if . == null then "" else
		tostring end)"'
}

# What the option lines of --help name: "j jobs", "- budget", "- models:"
help_names() {
	aigw-$1 --help | sed -n '/^Options:/,/^$/p' | sed -nE \
		's/^  (-(.), |    )(--(\[no-\])?)?([a-z0-9-]+:?)( .*)?$/\2 \5/p' |
		sed 's/^ /- /'
}

# What the items of OPTIONS in the man page name: "j jobs", "- budget"
man_names() {
	sed -n '/^\.Sh OPTIONS/,/^\.Sh [^O]/p' "$SRC/man/aigw-$1.1" | sed -nE \
		-e 's/^\.It Fl ([A-Za-z0-9]) , Fl (Fl |-)([a-z0-9-]+).*/\1 \3/p' \
		-e 's/^\.It Fl (Fl |-)([a-z0-9-]+).*/- \2/p' |
		sed 's/ no-/ /' # one that is on stands with what turns it off
}

common_names() {
	aigw-echo --help | sed -n '/^Options of every filter:/,/^$/p' |
		sed -nE 's/^  (-(.), |    )--(\[no-\])?([a-z0-9-]+)( .*)?$/\2 \4/p' |
		sed 's/^ /- /'
}

@test "help names every row and nothing else" {
	for f in $filters; do
		table $f | cut -d' ' -f1 | sort >table
		help_names $f | cut -d' ' -f2 | tr -d : | sort >help
		diff -u table help
	done
}

@test "the man page has every flag with its letter" {
	common_names | sort >common
	for f in $filters; do
		help_names $f | grep -v ':$' | sort >help || :
		man_names $f | sort >man
		comm -23 help man >missing
		comm -13 help man | comm -23 - common >unknown
		echo "aigw-$f.1 lacks: $(cat missing), has: $(cat unknown)"
		[ ! -s missing ] && [ ! -s unknown ]
	done
}

@test "the man page has every key that is no flag" {
	for f in $filters; do
		sed -n '/^\.Sh OPTIONS/,/^\.Sh [^O]/p' "$SRC/man/aigw-$f.1" >man
		for name in $(help_names $f | sed -n 's/^- \(.*\):$/\1/p'); do
			echo "aigw-$f.1: $name"
			grep -qE "^\.It [A-Z][a-z] $name( |$)" man
		done
	done
}

@test "a key and a flag set the same" {
	for f in $filters; do
		for name in $(help_names $f | grep -v ':$' | cut -d' ' -f2); do
			conf ''
			read -r _ type value < <(table $f | grep "^$name ")
			case $type:$value in
			flag:*) value=true ;;
			number:0) value=1 ;;
			size:0) value=1M ;;
			time:0) value=1s ;;
			money:*) value=0.5 ;;
			text:*) value=x ;;
			file:*) value=/x ;;
			list:*) value=x ;;
			esac
			aigw-explain -c all.yaml --json $f -- "--$name=$value" |
				jq -c ".stages[0].options[] |
				select(.name == \"$name\")" >flag
			conf "$f: {$name: $value}"
			aigw-explain -c all.yaml --json $f |
				jq -c ".stages[0].options[] |
				select(.name == \"$name\")" >key
			echo "$f $name: $(cat flag key)"
			[ "$(jq -r .from flag)" = flag ]
			[ "$(jq -r .from key)" = file ]
			[ "$(jq -c .value flag)" = "$(jq -c .value key)" ]
		done
	done
}

@test "a key that is no flag is refused on the command line" {
	for f in $filters; do
		for name in $(help_names $f | sed -n 's/^- \(.*\):$/\1/p'); do
			run aigw-$f --$name=x </dev/null
			echo "$f $name: $output"
			[ "$status" -eq 64 ]
			[[ $output == *"--$name: "*"configuration file"* ]]
		done
	done
}

@test "help begins with the summary and examples, in 80 columns" {
	for f in $filters; do
		aigw-$f --help >help
		summary=$(aigw-list -c /dev/null --json |
			jq -r ".filters[] | select(.name == \"$f\") | .summary")
		[ "$(head -n 1 help)" = "aigw-$f - $summary" ]
		[ "$(sed -n 3p help)" = Examples: ]
		sed -n 4p help | grep -q '^  \$ '
		awk -v f=$f 'length > 80 { print f ": " $0; bad = 1 }
			END { exit bad }' help
	done
}

@test "the man page has the summary of the table" {
	for f in $filters; do
		summary=$(aigw-list -c /dev/null --json |
			jq -r ".filters[] | select(.name == \"$f\") | .summary")
		echo "aigw-$f.1: $summary"
		grep -qxF ".Nd $summary" "$SRC/man/aigw-$f.1"
	done
}

@test "an unknown flag names the nearest, exit 64" {
	run aigw-echo --tga x </dev/null
	[ "$status" -eq 64 ]
	[[ $output == *"--tga: no such option; did you mean --tag?"* ]]
}

@test "options may follow operands and -- ends them" {
	run aigw-explain echo -c all.yaml -- --tag demo
	[ "$status" -eq 0 ]
	[[ $output == *"tag: demo "*"# flag"* ]]
	run aigw-explain -c all.yaml -- echo --tag=--json
	[ "$status" -eq 0 ]
	[[ $output == *'tag: "--json" '*"# flag"* ]]
}

@test "wrong values say what is right, exit 64" {
	run aigw-echo --window=0 </dev/null
	[ "$status" -eq 64 ]
	[[ $output == *"--window: must be 1 to "* ]]
	run aigw-echo --max-line 5X </dev/null
	[ "$status" -eq 64 ]
	[[ $output == *"--max-line: must be a size such as "* ]]
	run aigw-echo --max-line </dev/null
	[ "$status" -eq 64 ]
	[[ $output == *"--max-line: needs a value"* ]]
	run aigw-echo --help=maybe </dev/null
	[ "$status" -eq 64 ]
	[[ $output == *"--help: must be true or false"* ]]
}

@test "a section nobody reads is an error for every filter" {
	printf 'aigw: 1\ncuont:\n  budget: 5\n' >bad.yaml
	for f in $filters; do
		run -78 aigw-$f -c bad.yaml </dev/null
		[[ $output == *'bad.yaml:2:1: no section "cuont"; did you mean "count"?' ]]
	done
}
