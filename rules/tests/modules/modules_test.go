// Package modules tests what min_core_btf gives for a kernel with modules.
package modules

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// One file has what is asked for of vmlinux and of all modules, in the order
// of the modules' names.
func TestOneFileForVmlinuxAndModules(t *testing.T) {
	if os.Getenv("TEST_SRCDIR") == "" {
		t.Skip("run it with Bazel, which builds the target")
	}
	if flag.NArg() != 1 || !strings.HasSuffix(flag.Arg(0), "/btfs/debian/12/x86_64/6.1.0-47-cloud-amd64.btf") {
		t.Fatalf("built were %q", flag.Args())
	}
	raw, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		t.Fatal(err)
	}
	f, err := btf.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var ty btf.Type
	for id := uint32(1); id < f.NumTypes(); id++ {
		if f.Type(id, &ty); ty.Kind != btf.Struct || ty.Name == 0 {
			continue
		}
		for _, m := range ty.Members {
			got[f.String(ty.Name)] += fmt.Sprintf("%s @%d; ", f.String(m.Name), m.Offset)
		}
		got[f.String(ty.Name)] += "} "
	}
	want := map[string]string{
		"task_struct":    "tgid @19360; } ",
		"nf_conn":        "ct_general @0; status @1024; mark @1344; } ",
		"nf_conn___init": "} ",
		"camellia_ctx":   "key_length @2176; } key_length @0; } ",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
