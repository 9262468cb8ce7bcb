# GNU sed -i writes a new file and renames it, without a sync. It is the kind of program for which
# ext4 has auto_da_alloc: https://www.kernel.org/doc/html/latest/admin-guide/ext4.html
needs='sed seq'
rows='in-place'
expects() { echo bad bad; }
options() { :; }
prepare() {
    seq 300 >data/f
    cat >check.sh <<'CHECK'
case $(sort -u "$1/f" | head -n 1),$(wc -l <"$1/f") in
1,300 | x,300) ;;
*) echo 'neither old nor new'; exit 2 ;;
esac
CHECK
}
program() { sed -i 's/.*/x/' data/f; }
