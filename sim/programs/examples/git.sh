#!/bin/sh
# The two rows of git in design/programs.md.
# usage: git.sh LITHIFY DIRECTORY    (the directory is made, and keeps the recordings)
set -eu
lithify=$1 place=$2
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a
mkdir -p "$place"
cd "$place"
cat >check.sh <<'CHECK'
cd "$1" || exit 3
# What git tells its user to do after a crash.
rm -f .git/index.lock .git/HEAD.lock .git/refs/heads/*.lock
said=$(git fsck --full --strict 2>&1) || {
    echo "$said" | sed -E 's/[0-9a-f]{40}/HASH/g' | grep -v dangling | head -n 1
    exit 2
}
git status -s >/dev/null 2>&1 || { echo 'status fails'; exit 2; }
head=$(git log --format=%s -1 2>/dev/null)
case $head in
two) ;;
one) if grep -q committed "$2"; then echo 'committed, and lost'; exit 1; fi ;;
*) echo "the newest commit is $head"; exit 2 ;;
esac
CHECK
for setting in default all; do
    rm -rf repo
    mkdir repo
    (
        cd repo
        git init -q
        git config gc.auto 0
        git config maintenance.auto false
        rm -rf .git/hooks
        echo one >f
        git add f
        git commit -q -m one
        echo two >f
    )
    case $setting in all) option='-c core.fsync=all' ;; *) option='' ;; esac
    echo "== git commit ${option:-, defaults}"
    "$lithify" record --dir repo --out "$setting.rec" -- \
        sh -c "cd repo && git $option commit -qam two && echo committed" >/dev/null
    "$lithify" crash "$setting.rec" --check 'sh check.sh' --model posix-min,ext4-ordered || true
done
