# LMDB by its Python binding, with its defaults: each commit is synced. ALICE (OSDI 2014) found its creation, which
# is the second row: a crash there leaves a file that a read-only opening refuses.
needs='python3'
python3 -c 'import lmdb' 2>/dev/null || needs='python3-with-lmdb'
rows='commits creation'
expects() { case $1 in commits) echo good good ;; *) echo bad bad ;; esac; }
# Reader locks are a shared mapping that every opening makes new.
options() { echo --allow mmap; }
prepare() {
    cat >check.sh <<'CHECK'
exec python3 check.py "$@"
CHECK
    cat >check.py <<'CHECK'
import lmdb, os, sys
seen = open(sys.argv[2]).read().split()
place = sys.argv[1] + "/db"
if not os.path.exists(place + "/data.mdb") and not seen: sys.exit(0)
try:
    db = lmdb.open(place, map_size=1 << 20, readonly=True, lock=False)
    with db.begin() as t:
        there = {k: v for k, v in t.cursor()}
except lmdb.Error as error:
    print(str(error).replace(sys.argv[1], "")); sys.exit(3)
lost = [k for k in seen if there.get(k.encode()) != b"x" * 900]
if lost: print(len(lost), "acknowledged keys are lost"); sys.exit(1)
CHECK
    cat >run.py <<'RUN'
import lmdb, sys
db = lmdb.open("data/db", map_size=1 << 20)
for i in range(int(sys.argv[1])):
    with db.begin(write=True) as t:
        t.put(b"k%d" % i, b"x" * 900)
    print("k%d" % i, flush=True)
RUN
    case $1 in commits) python3 run.py 1 && sync -f data ;; esac
}
program() { python3 run.py 6; }
