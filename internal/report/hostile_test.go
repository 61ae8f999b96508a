package report_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/hostile"
	"github.com/khulnasoft/rules_btf/internal/report"
)

// What an object asks ten thousand times is looked up once, however large it is.
func TestManyRecords(t *testing.T) {
	const n = 10_000
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "struct s%d 8 { a *struct s%d @0 }\n", i, (i+1)%n)
	}
	text.WriteString(strings.Repeat("reloc kprobe/a type_matches struct s0 0\n", n))
	file := btftest.Object(t, binary.LittleEndian, text.String())
	o, err := core.ReadObject(file)
	if err != nil {
		t.Fatal(err)
	}
	var b report.Builder
	hostile.Bound{Factor: 256, Plus: 64 << 20, Time: 20 * time.Second}.Check(t, len(file), func() {
		if err := b.AddObject("o.bpf.o", o); err != nil {
			t.Error(err)
		}
	})
	if got := b.Report().Relocations; got != 1 {
		t.Errorf("%d relocations", got)
	}
}
