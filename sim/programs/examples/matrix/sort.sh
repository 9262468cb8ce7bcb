# GNU sort -o onto its input writes over the only copy. C3 (FSE 2016) reports it.
needs='sort seq'
rows='onto-itself'
expects() { echo bad bad; }
options() { :; }
prepare() {
    seq 300 | tac >data/f
    cat >check.sh <<'CHECK'
[ "$(sort -n "$1/f" | tr '\n' ' ')" = "$(seq 300 | tr '\n' ' ')" ] || { echo 'lines are lost'; exit 2; }
CHECK
}
program() { sort -n -o data/f data/f; }
