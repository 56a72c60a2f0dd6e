#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# purity.sh - what the objects of lib/ and filters/ hold and call
#
# No writable data; no call but those below; floors: core stands on nothing,
# text, state and edge on core, wire on text too, filters on all of lib/ and not
# on each other. $AIGW_BUILD is the build folder, $AIGW_SRC has the sources: what
# was built of files that are gone is left out. Prints TAP.
set -eu

src=$(cd "${AIGW_SRC:-.}" && pwd)
cd "${AIGW_BUILD:-.}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

# Object (awk regex, of its path without .o): names that it may call. A line
# counts for all objects that it fits. __fprintf_chk is fprintf here, open64 is
# open, and the __isoc23_strtol of Debian 13 is strtol.
cat >"$tmp/allowed" <<'RULES'
.*: malloc calloc realloc free qsort bsearch
# clang writes bcmp where memcmp is only asked for equality
.*: mem(chr|cmp|cpy|mem|move|rchr|set) explicit_bzero bcmp
.*: str(len|nlen|chr|rchr|cmp|ncmp|casecmp|ncasecmp|cspn|spn|pbrk|sep)
.*: str(dup|ndup|tod|tol|toll|toul|toull|error) v?snprintf
.*: errno_location stack_chk_fail _GLOBAL_OFFSET_TABLE_
.*: (asan|ubsan|sanitizer|sancov)_.*
lib/core/json: yyjson_.*
lib/core/conf: yaml_.* open read close
lib/core/env: clock_gettime getrandom
lib/core/find: access opendir readdir closedir stat readlink getenv
lib/core/(child|proc|pump|port): uv_.*
lib/core/child: pipe2 fcntl ioctl syscall close
lib/core/pump: sigaction
lib/core/port: epoll_(create1|ctl|wait) poll open close read write send fstat
lib/core/port: isatty
lib/core/(args|log|report): fprintf fputs fwrite putc fputc fflush ferror
# the common part of all main()s
lib/core/(main|report): printf puts putchar fwrite fflush stdin stdout stderr
lib/core/main: uv_(loop_init|loop_close|run) raise signal setrlimit prctl
lib/core/main: open close write fcntl isatty getenv unsetenv
lib/edge/fd: open close read write poll fcntl
lib/edge/ids: getrandom
lib/state/.*: open close read write (f|l)?stat fsync flock access unlink rename
lib/state/.*: getenv geteuid getrandom
lib/state/(atomic|keyhome): link mkdir mkostemp realpath fchmod fchown nanosleep
lib/state/(budget|secret): mmap munmap madvise mlock posix_fallocate
lib/state/secret: posix_spawn.* sig(empty|fill)set waitpid kill environ pipe2
lib/state/secret: poll clock_gettime nanosleep
lib/state/utc: gmtime_r timegm strftime
lib/state/(pepper|keystore): EVP_MAC_.* OSSL_PARAM_.* CRYPTO_memcmp
lib/text/jq: jq_.* jv_.*
# libjq 1.6 reads ~/.jq, and only HOME tells it where that is
lib/text/jq: getenv setenv unsetenv
lib/text/patterns: pcre2_.*
lib/text/tokens: open close fstat mmap munmap getenv geteuid
lib/text/chat_image: sqrt fmin ceil floor
lib/text/prices: gmtime_r
lib/text/prices_read: fopen fread ferror fclose
filters/auth: getpwuid_r geteuid access clock_gettime time
filters/count/target: time
filters/mask/(address|find): inet_pton
filters/mask/(keys|map): EVP_.* HMAC RAND_bytes OPENSSL_cleanse
filters/mask/keys: getenv mkdir stat
filters/mask/spans: fwrite fflush ferror getc getc_unlocked uflow
filters/mask/words: fopen getdelim ferror fclose
filters/route/route: log
filters/send/.*: curl_.*
filters/send/(http|send): uv_.*
filters/send/advance: time
RULES

# Which object defines what, and which wants what; "PATH T NAME" a line.
objects() {
	find lib filters -name '*.o' | LC_ALL=C sort | while read -r o; do
		[ ! -e "$src/${o%.o}.c" ] && [ ! -e "${o%.o}.c" ] || echo "$o"
	done
}
objects | while read -r o; do
	nm -P -g "$o" | awk -v o="${o%.o}" '{ print o, $2, $1 }'
done | awk '{
	sub(/^__(isoc23_)?/, "", $3); sub(/_chk$/, "", $3); sub(/64$/, "", $3)
	print
}' >"$tmp/symbols"

n=0 failed=0
# result TEXT: one test, which failed if there is anything in $tmp/bad
result() {
	n=$((n + 1))
	if [ -s "$tmp/bad" ]; then
		failed=1
		echo "not ok $n - $1"
		sed 's/^/# /' "$tmp/bad"
	else
		echo "ok $n - $1"
	fi
}
echo 1..4

# The objects that were looked at are those of the archives.
objects | sed 's|.*/||' | LC_ALL=C sort -u >"$tmp/names"
for a in libaigw.a libfilters.a; do
	ar t "$a" | grep '\.o$'
done | LC_ALL=C sort -u | comm -23 - "$tmp/names" >"$tmp/bad"
[ -s "$tmp/symbols" ] || echo 'no object has symbols' >"$tmp/bad"
result 'every member of the archives is looked at'

# asan_ marks its own tables as writable
if grep -q ' asan_init$' "$tmp/symbols"; then
	n=$((n + 1))
	echo "ok $n - no writable data # SKIP the sanitizers add theirs"
else
	objects | while read -r o; do
		readelf -SW "$o" | sed 's/^ *\[ *[0-9]*\] *//' | awk -v o="$o" '
			$1 ~ /^\.(data|bss|tdata|tbss)/ &&
			$1 !~ /^\.data\.rel\.ro/ && $5 !~ /^0+$/ {
				print o ": " $1 " has 0x" $5 " bytes" }'
		nm -P "$o" | awk -v o="$o" '$2 == "C" || $2 == "c" {
			print o ": " $1 " is common" }'
	done >"$tmp/bad"
	result 'no writable data'
fi

awk -v rules="$tmp/allowed" '
BEGIN {
	while ((getline line <rules) > 0) {
		if (line ~ /^#/)
			continue
		split(line, part, ": ")
		count = split(part[2], word, " ")
		for (i = 1; i <= count; i++) {
			where[++total] = "^(" part[1] ")$"
			what[total] = "^(" word[i] ")$"
		}
	}
}
function allowed(object, name, i) {
	for (i = 1; i <= total; i++)
		if (name ~ what[i] && object ~ where[i])
			return 1
	return 0
}
$2 != "U" { ours[$3] = 1; next }
{ wants[++n] = $1; name[n] = $3 }
END {
	for (i = 1; i <= n; i++)
		if (!(name[i] in ours) && !allowed(wants[i], name[i]))
			print wants[i] ".o calls " name[i]
}' "$tmp/symbols" >"$tmp/bad"
result 'no call that is not listed'

awk '
function floor(path, part, k) {
	k = split(path, part, "/")
	if (part[1] == "lib")
		return part[2]
	return "filters/" part[2]
}
BEGIN {
	on["edge"] = on["state"] = on["text"] = "core"
	on["wire"] = "core text"
}
function stands(a, b) {
	if (a == b || (a ~ /^filters/ && b !~ /^filters/))
		return 1
	return index(" " on[a] " ", " " b " ") > 0
}
$2 != "U" && $2 !~ /[vVwW]/ { home[$3] = $1; next }
{ wants[++n] = $1; name[n] = $3 }
END {
	for (i = 1; i <= n; i++) {
		to = home[name[i]]
		if (to && !stands(floor(wants[i]), floor(to)))
			print wants[i] ".o uses " name[i] " of " to ".o"
	}
}' "$tmp/symbols" >"$tmp/bad"
result 'floors stand only on those below'

exit "$failed"
