# The store of this project, made and written by `lithify apply`, each commit synced. LITHIFY is the binary, COMMITS
# how many commits are made.
needs='sh seq'
rows='new compacting'
expects() { echo good good; }
options() { :; }
prepare() {
    case $1 in
    compacting) for i in 1 2 3 4 5 6; do echo "[{\"put\":\"k$i\",\"value\":\"v$i\"}]"; done | "$lithify" apply --store data/S --group 1 --divisor 2 --file-level 1 ;;
    esac
    printf 'lithify=%s\n' "$lithify" >check.sh
    cat >>check.sh <<'CHECK'
seen=$(tail -n 1 "$2")
# Before anything was acknowledged there may be no store yet. It must be possible to make it.
[ -n "$seen" ] || { said=$("$lithify" put --store "$1/S" k v 2>&1) || { echo "$said"; exit 3; }; exit 0; }
said=$("$lithify" verify --store "$1/S" 2>&1) || { echo "$said" | tail -n 1; exit 2; }
count=$("$lithify" scan --store "$1/S" | wc -l)
[ "$count" -ge "$(wc -l <"$2")" ] || { echo "$count keys of $(wc -l <"$2") acknowledged"; exit 1; }
CHECK
}
program() {
    for i in $(seq "${COMMITS:-6}"); do echo "[{\"put\":\"n$i\",\"value\":\"$(seq 100 | tr -d '\n')\"}]"; done |
        "$LITHIFY" apply --store data/S --group 1 --divisor 2 --file-level 1
}
