# LevelDB by plyvel; each put is synced. https://github.com/google/leveldb/issues/195: nothing orders the rename to
# CURRENT before what is removed behind it. https://github.com/google/leveldb/issues/189: the first MANIFEST is not
# synced, which ext4 shows, too. See also the table of ALICE (OSDI 2014).
needs='python3'
python3 -c 'import plyvel' 2>/dev/null || needs='python3-with-plyvel'
rows='synced'
expects() { echo bad bad; }
options() { echo --allow mmap; }
prepare() {
    cat >check.sh <<'CHECK'
exec python3 check.py "$@"
CHECK
    cat >check.py <<'CHECK'
import plyvel, sys
seen = open(sys.argv[2]).read().split()
try:
    db = plyvel.DB(sys.argv[1] + "/db", create_if_missing=not seen)
except Exception as error:
    print(str(error).replace(sys.argv[1], "")); sys.exit(3)
try:
    there = {k: v for k, v in db.iterator(verify_checksums=True)}
except Exception as error:
    print(str(error).replace(sys.argv[1], "")); sys.exit(2)
lost = [k for k in seen if there.get(k.encode()) != b"x" * 3000]
if lost: print(len(lost), "acknowledged keys are lost"); sys.exit(1)
CHECK
    cat >run.py <<'RUN'
import plyvel, sys
db = plyvel.DB("data/db", create_if_missing=True, write_buffer_size=65536)
for i in range(23):
    db.put(b"k%d" % i, b"x" * 3000, sync=True)
    print("k%d" % i, flush=True)
RUN
}
program() { python3 run.py; }
