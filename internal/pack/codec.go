package pack

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/khulnasoft/rules_btf/internal/packfile"
)

// newZstd returns an encoder. It comes from a module of a fixed version, so that the same types
// give the same bytes.
func newZstd(level zstd.EncoderLevel) packfile.Encoder {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(maxWindow), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are right
	}
	return func(data []byte) []byte { return w.EncodeAll(data, nil) }
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
