package objgen

import "encoding/binary"

// An Insn is one BPF instruction (struct bpf_insn).
type Insn struct {
	Op       uint8
	Dst, Src uint8
	Off      int16
	Imm      int32
}

const (
	insnLen = 8

	opMoveImm   = 0xb7 // ALU64 | MOV | K
	opMove      = 0xbf // ALU64 | MOV | X
	opAdd       = 0x0f // ALU64 | ADD | X
	opAddImm    = 0x07 // ALU64 | ADD | K
	opLoadImm64 = 0x18 // LD | IMM | DW
	opLoad      = 0x61 // LDX | MEM, of 4 bytes
	opCall      = 0x85
	opExit      = 0x95

	pseudoCall = 1 // BPF_PSEUDO_CALL, in Src
)

// loadSize has the bits to add to opLoad, by bytes.
var loadSize = map[uint32]uint8{1: 0x10, 2: 0x08, 4: 0, 8: 0x18}

// MoveImm is "dst = imm".
func MoveImm(dst uint8, imm int32) Insn { return Insn{Op: opMoveImm, Dst: dst, Imm: imm} }

// Move is "dst = src".
func Move(dst, src uint8) Insn { return Insn{Op: opMove, Dst: dst, Src: src} }

// Add is "dst += src".
func Add(dst, src uint8) Insn { return Insn{Op: opAdd, Dst: dst, Src: src} }

// AddImm is "dst += imm".
func AddImm(dst uint8, imm int32) Insn { return Insn{Op: opAddImm, Dst: dst, Imm: imm} }

// LoadImm64 is "dst = imm ll", which takes two instructions.
func LoadImm64(dst uint8, imm uint64) []Insn {
	return []Insn{{Op: opLoadImm64, Dst: dst, Imm: int32(imm)}, {Imm: int32(imm >> 32)}}
}

// Load64 is "dst = *(u64 *)(src + off)".
func Load64(dst, src uint8, off int16) Insn {
	return Insn{Op: opLoad | loadSize[8], Dst: dst, Src: src, Off: off}
}

// CallHelper calls a BPF helper by its number.
func CallHelper(number int32) Insn { return Insn{Op: opCall, Imm: number} }

// Exit ends a function.
func Exit() Insn { return Insn{Op: opExit} }

func (i Insn) append(b []byte, order ByteOrder) []byte {
	registers := i.Dst | i.Src<<4
	if order == binary.BigEndian {
		registers = i.Dst<<4 | i.Src
	}
	b = append(b, i.Op, registers)
	b = order.AppendUint16(b, uint16(i.Off))
	return order.AppendUint32(b, uint32(i.Imm))
}
