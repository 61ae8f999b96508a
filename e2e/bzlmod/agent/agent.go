// Package agent stands for an application that carries the BTF of kernels which have none.
package agent

import (
	_ "embed"

	"github.com/khulnasoft/rules_btf/btfpack"
)

//go:embed agent_btfs.btfpack
var btfs []byte

// BTF returns a kernel's minimal BTF, for ebpf.ProgramOptions.KernelTypes.
func BTF(kernel string) ([]byte, error) {
	pack, err := btfpack.Open(btfs)
	if err != nil {
		return nil, err
	}
	return pack.BTF(kernel)
}
