# rsync writes a new file and renames it. rsync(1): with --fsync each
# finished file is synced, and the directory is not.
needs='rsync seq'
rows='default fsync'
expects() { echo bad bad; }
options() { :; }
prepare() {
    mkdir from
    seq 300 >data/f
    seq 300 | sed 's/.*/x/' >from/f
    cat >check.sh <<'CHECK'
case $(sort -u "$1/f" | head -n 1),$(wc -l <"$1/f") in
x,300) ;;
1,300) if grep -q done "$2"; then echo 'done, and old'; exit 1; fi ;;
*) echo 'neither old nor new'; exit 2 ;;
esac
CHECK
}
program() {
    case $1 in fsync) set -- --fsync ;; *) set -- ;; esac
    rsync --whole-file --ignore-times "$@" from/f data/f && echo done
}
