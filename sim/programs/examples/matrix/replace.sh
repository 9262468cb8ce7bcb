# A file is replaced as rename(2) and fsync(2) want it: sync, rename, sync of the directory. And without the
# first sync, and without the second one.
needs='sh sync'
rows='right no-file-sync no-directory-sync'
expects() { case $1 in right) echo good good ;; no-file-sync) echo bad bad ;; *) echo bad bad ;; esac; }
options() { :; }
prepare() {
    echo old >data/config
    cat >check.sh <<'CHECK'
case "$(cat "$1/config")" in
new) ;;
old) if grep -q saved "$2"; then echo 'saved, and old'; exit 1; fi ;;
*) echo 'neither old nor new'; exit 2 ;;
esac
CHECK
}
program() {
    cd data && echo new >t
    [ "$1" = no-file-sync ] || sync t
    mv t config
    [ "$1" = no-directory-sync ] || sync .
    echo saved
}
