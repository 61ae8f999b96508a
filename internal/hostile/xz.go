package hostile

import (
	"encoding/binary"
	"hash/crc32"
)

// XZ returns an .xz file in which nothing is compressed.
func XZ(data []byte) []byte {
	sum := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }
	flags := []byte{0, 1} // check: CRC32
	out := append([]byte("\xfd7zXZ\x00"), sum(flags)...)

	block := sum([]byte{2, 0, 0x21, 1, 0, 0, 0, 0}) // one filter, LZMA2, a dictionary of 4 KiB
	for p := data; len(p) > 0; {
		n := min(len(p), 1<<16)
		block = append(block, 1, byte((n-1)>>8), byte(n-1))
		block = append(block, p[:n]...)
		p = p[n:]
	}
	block = append(block, 0)
	unpadded := len(block) + 4
	for len(block)%4 != 0 {
		block = append(block, 0)
	}
	out = append(out, binary.LittleEndian.AppendUint32(block, crc32.ChecksumIEEE(data))...)

	index := []byte{0, 1}
	index = binary.AppendUvarint(index, uint64(unpadded))
	index = binary.AppendUvarint(index, uint64(len(data)))
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = sum(index)
	out = append(out, index...)
	foot := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1))
	foot = append(foot, flags...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(foot))
	return append(append(out, foot...), "YZ"...)
}
