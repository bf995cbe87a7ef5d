#!/usr/bin/env bash
# What a change of a folder does to people and applications, as Markdown in a file.
#
#   plan.sh REVISION FOLDER FILE
#
# The last line of output is `none`, `changes` or `risky`. It fails only when there is no plan: the
# folder does not compile, or the revision cannot be read. A folder that is not in the revision yet is
# compared with nothing, which is said.
set -euo pipefail

revision=$1 folder=$2 file=$3

if ! git cat-file -e "$revision:$folder" 2>/dev/null; then
    git rev-parse --quiet --verify "$revision^{commit}" >/dev/null || {
        echo "there is no revision $revision here: fetch it first" >&2
        exit 1
    }
    echo "### Realmwright plan: \`$folder\` is new" >"$file"
    realmwright validate --production "$folder"
    echo changes
    exit 0
fi

status=0
realmwright plan "$revision:$folder" "$folder" --format markdown >"$file" || status=$?
case $status in
0) echo none ;;
4) echo changes ;;
5) echo risky ;;
*)
    cat "$file" >&2
    exit 1
    ;;
esac
