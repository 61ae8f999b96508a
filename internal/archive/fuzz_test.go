package archive_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/hostile"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// FuzzReadBTF checks: there is an error if and only if nothing comes out; no
// more comes out than is allowed; what comes out is BTF, or the section of an
// ELF file that should have it; time and memory are bounded, whatever the file
// claims.
func FuzzReadBTF(f *testing.F) {
	raw := sample(f)
	tarred := tarOf(f, regular("k.btf", raw))
	for _, seed := range [][]byte{
		raw, hostile.XZ(raw), gzOf(f, raw), zstOf(f, raw), tarred, hostile.XZ(tarred), gzOf(f, tarred), zstOf(f, tarred),
		elfOf(raw), hostile.XZ(elfOf(raw)), sparse(f), testfiles.Read(f, "testdata/2MiB.zeros.xz"),
		hostile.XZ(hostile.XZ(raw)), hostile.XZ(tarOf(f, regular("k.btf", hostile.XZ(raw)))), zstOf(f, tarOf(f, regular("k.btf", elfOf(raw)))),
		gzOf(f, tarOf(f, regular("l.btf", raw))), tarOf(f, regular("./k.btf", raw), regular("k.btf", raw)),
	} {
		f.Add(seed)
	}
	const limit = 1 << 20
	costs := hostile.Bound{Factor: 8, Plus: 2*archive.MaxWindow + 24*limit, Time: 10 * time.Second}
	f.Fuzz(func(t *testing.T, file []byte) {
		var got []byte
		var err error
		costs.Check(t, len(file), func() { got, err = archive.ReadLimited("k.btf.tar.xz", file, limit) })
		if (err == nil) != (got != nil) || len(got) > limit {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		if err != nil || !archive.IsBTF(got) {
			return
		}
		again, err := archive.ReadLimited("k.btf.tar.xz", got, limit)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("BTF comes out that is not BTF: %v", err)
		}
	})
}
