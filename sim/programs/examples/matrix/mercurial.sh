# hg commit. ALICE (OSDI 2014) lists its dirstate and its appends; it syncs nothing.
needs='hg'
rows='commit'
expects() { echo bad bad; }
options() { :; }
export HGRCPATH=/dev/null HGUSER=a
prepare() {
    (cd data && hg init && echo one >f && hg commit -qAm one && echo two >f)
    cat >check.sh <<'CHECK'
cd "$1" || exit 3
rm -f .hg/wlock .hg/store/lock
[ -e .hg/store/journal ] && hg recover >/dev/null 2>&1
said=$(hg verify 2>&1) || { echo "$said" | tail -n 1; exit 2; }
case $(hg log -l 1 -T '{desc}' 2>/dev/null) in
two) ;;
one) if grep -q done "$2"; then echo 'committed, and lost'; exit 1; fi ;;
*) echo 'no commit is left'; exit 2 ;;
esac
CHECK
}
program() { cd data && hg commit -qm two && echo done; }
