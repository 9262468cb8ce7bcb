#!/bin/sh
# The table of programs in design/programs.md: each program is recorded, crashed under some models, and
# compared with what is known of it.
#
# usage: matrix.sh LITHIFY DIRECTORY [PROGRAM...]     (the directory is made, and keeps the recordings)
#
# MODELS (posix-min,ext4-ordered), IMAGES (small) and JOBS (2) are what `lithify crash` takes; with `all` the
# columns are in the order in which it prints the models.
# Prints a row of a Markdown table for each setting of a program, and exits with 1 if a row is not as
# expected. A program that is not installed is skipped, and that is printed.
#
# A file in matrix/ defines, for one program:
#   needs            commands that have to be there
#   rows             names of settings
#   expects ROW      "good", or "bad", for posix-min and for ext4-ordered: whether an image is refused
#   prepare ROW      makes the directory `data`, and the checker `check.sh`
#   program ROW      runs the program; it is run by `lithify record`, and what it prints is acknowledged
#   options ROW      further options of `lithify record`
set -u
lithify=$1 place=$2
shift 2
case $lithify in /*) ;; *) lithify=$PWD/$lithify ;; esac
here=$(cd "$(dirname "$0")" && pwd)
models=${MODELS:-posix-min,ext4-ordered} images=${IMAGES:-small} jobs=${JOBS:-2}
mkdir -p "$place" && cd "$place" || exit 2
[ $# -gt 0 ] || set -- $(cd "$here/matrix" && ls | sed 's/\.sh$//')

# The numbers of `lithify crash`: images and refused ones of each model.
numbers() {
    sed -n 's/^[a-z0-9-]*: .*; \([0-9]*\) distinct, \([0-9]*\) refused.*/\1, \2 |/p' "$1" | tr '\n' ' '
}

# Whether posix-min and ext4-ordered, if they were asked for, have refused what they were expected to.
as_expected() {
    set -- "$1" $2
    for model in posix-min ext4-ordered; do
        refused=$(sed -n "s/^$model: .* distinct, \\([0-9]*\\) refused.*/\\1/p" "$1")
        case $2,$refused in
        good,0 | bad,[1-9]* | *,) ;;
        *) return 1 ;;
        esac
        file=$1
        shift 2
        set -- "$file" "$@"
    done
}

one() (
    name=$1 row=$2
    . "$here/matrix/$name.sh"
    rm -rf "$name-$row" && mkdir "$name-$row" && cd "$name-$row" || exit 2
    mkdir data
    prepare "$row" >prepare.out 2>&1 || { echo "$name $row: cannot be prepared:"; tail -n 3 prepare.out; exit 2; }
    # The program is a function of a file: a shell runs it.
    { cat "$here/matrix/$name.sh"; printf 'program "$1"\n'; } >run.sh
    export LITHIFY="$lithify"
    "$lithify" record --dir data --out run.rec $(options "$row") -- sh run.sh "$row" >run.out 2>record.out ||
        { echo "$name $row: cannot be recorded:"; tail -n 3 record.out; exit 2; }
    "$lithify" crash run.rec --check 'sh check.sh' --model "$models" --images "$images" --jobs "$jobs" \
        >crash.out 2>&1
    case $? in 0 | 1) ;; *) echo "$name $row: cannot be judged:"; tail -n 3 crash.out; exit 2 ;; esac
    operations=$(sed -n 's/.*: \([0-9]*\) operations, \([0-9]*\) of them syncs.*/\1, \2/p' record.out)
    printf '| %s %s | %s | %s\n' "$name" "$row" "$operations" "$(numbers crash.out)"
    as_expected crash.out "$(expects "$row")" || { echo "$name $row: expected $(expects "$row")"; exit 1; }
)

echo "| program, setting | operations, syncs | $(echo "$models" | sed 's/,/ | /g') |"
echo "|---|---|$(echo "$models" | sed 's/[^,]*/---/g; s/,/|/g')|"
failed=0
for name; do
    (. "$here/matrix/$name.sh"; for needed in $needs; do command -v "$needed" >/dev/null || exit 1; done)
    if [ $? -ne 0 ]; then
        echo "skipped: $name: $(. "$here/matrix/$name.sh"; echo "$needs") is not here"
        continue
    fi
    for row in $(. "$here/matrix/$name.sh"; echo "$rows"); do
        one "$name" "$row" || failed=1
    done
done
exit $failed
