# git commit. What is synced is in git-config(1), core.fsync and core.fsyncMethod; the default syncs neither
# loose objects nor references (FSYNC_COMPONENTS_DEFAULT in its source).
needs='git'
rows='default committed batch all'
expects() { case $1 in all) echo bad bad ;; *) echo bad bad ;; esac; }
options() { :; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a
prepare() {
    (
        cd data
        git init -q
        git config gc.auto 0
        git config maintenance.auto false
        rm -rf .git/hooks
        echo one >f
        git add f
        git commit -q -m one
        echo two >f
    )
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
}
program() {
    cd data
    case $1 in
    default) set -- ;;
    committed) set -- -c core.fsync=committed ;;
    batch) set -- -c core.fsync=committed -c core.fsyncMethod=batch ;;
    all) set -- -c core.fsync=all ;;
    esac
    git "$@" commit -qam two && echo committed
}
