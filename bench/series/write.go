package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Writers turn raw BTF into the content of a file of the given name.
var writers = map[string]func(name string, raw []byte) ([]byte, error){
	"btf":        func(_ string, raw []byte) ([]byte, error) { return raw, nil },
	"btf.gz":     writeGzip,
	"btf.zst":    writeZstd,
	"btf.tar.xz": writeTarXz,
}

func writeGzip(_ string, raw []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w.Write(raw) // to memory
	err = w.Close()
	return b.Bytes(), err
}

func writeZstd(_ string, raw []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(raw, nil), nil
}

func writeTarXz(name string, raw []byte) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: strings.TrimSuffix(name, ".tar.xz"), Mode: 0o644, Size: int64(len(raw))}); err != nil {
		return nil, err
	}
	w.Write(raw) // to memory
	if err := w.Close(); err != nil {
		return nil, err
	}
	xz := exec.Command("xz", "-T1")
	xz.Stdin, xz.Stderr = &b, os.Stderr
	return xz.Output()
}
