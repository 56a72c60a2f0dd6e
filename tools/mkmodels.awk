# SPDX-License-Identifier: Apache-2.0
# mkmodels.awk - lib/text/models-table.c from data/models.tsv
BEGIN {
	FS = "\t"
	print "/* Made by tools/mkmodels.awk from data/models.tsv. */"
	print "#include \"text/models.h\""
	print ""
	print "const struct aigw_model aigw_models[] = {"
}
/^#/ || /^$/ { next }
NF != 10 || $1 !~ /^[=^]$/ || $2 $3 !~ /^[a-z0-9_.:-]+$/ ||
$4 $5 $6 $9 $10 !~ /^[0-9-]+$/ || $7 !~ /^(exact|estimate)$/ ||
$8 !~ /^(tile|patch)$/ {
	print FILENAME ":" FNR ": not a model" > "/dev/stderr"
	exit failed = 1
}
{
	printf "\t{ \"%s\", %s, \"%s\", %d, %d, %d, %s, %s, %d, %d },\n", $2,
		$1 == "^" ? "true" : "false", $3, $4, $5, $6,
		$7 == "exact" ? "true" : "false",
		$8 == "tile" ? "AIGW_IMAGE_TILES" : "AIGW_IMAGE_PATCHES", $9, $10
	rows++
}
END {
	if (failed)
		exit 1
	print "};"
	print "const unsigned aigw_models_count = " rows + 0 ";"
}
