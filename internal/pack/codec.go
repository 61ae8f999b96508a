package pack

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/khulnasoft/rules_btf/internal/packfile"
)

// newZstd returns an encoder of two levels: for names, which are half of a pack, and for numbers.
// It comes from a module of a fixed version, so that the same types give the same bytes.
func newZstd(names, numbers zstd.EncoderLevel) packfile.Encoder {
	of := func(level zstd.EncoderLevel) *zstd.Encoder {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(maxWindow), zstd.WithEncoderCRC(false))
		if err != nil {
			panic(err) // the options are right
		}
		return w
	}
	forNames, forNumbers := of(names), of(numbers)
	return func(data []byte, names bool) []byte {
		if names {
			return forNames.EncodeAll(data, nil)
		}
		return forNumbers.EncodeAll(data, nil)
	}
}

// maxWindow bounds the memory of zstd's decoder.
const maxWindow = 8 << 20

func unzstd(data []byte, size int) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(size, 1<<11))), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	defer r.Close()
	return r.DecodeAll(data, make([]byte, 0, min(size, 256*len(data))))
}
