package packfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrFormat is wrapped by every error about bytes that are not a pack.
var ErrFormat = errors.New("not a usable pack")

// A column is one of the streams that a pack consists of. Numbers of one
// meaning are together, which compresses better. See docs/format.md.
type column uint8

// The columns of a file's types, and of its kernels.
const (
	colRootText       column = iota // texts: names of roots,
	colText                         // and all others
	colRootKind                     // byte: kind, kind_flag, whether the name is another than the root's before
	colKind                         // byte: of other nodes, with whether there is a name
	colName                         // of other nodes
	colSize                         // of composites, beyond where the last member ends
	colScalar                       // sizes of others
	colWord                         // of INT, beyond 8 * size
	colElem                         // ARRAY: elements,
	colIndex                        // index type,
	colLength                       // and how many
	colPtr                          // what pointers lead to
	colNamed                        // names of Named nodes
	colOrdinal                      // and which of several
	colFuncRet                      // FUNC_PROTO: what is returned,
	colFuncLen                      // how many parameters,
	colFuncParam                    // and of what
	colModifier                     // what modifiers stand before
	colVariant                      // which of several roots of a name is referred to
	colLen                          // members
	colMemberName                   // of what is not taken from the variant before
	colMemberType                   //
	colMemberOffset                 // beyond where the last one ends
	colMemberWidth                  // of a bitfield
	colEnumName                     // likewise
	colEnumValue                    // beyond the last one + 1
	colRun                          // members taken from the variant before as they are
	colOp                           // what comes then
	colNewType                      // of a member with another type
	colNewOffset                    // of one with another offset
	colNewWidth                     // and of a bitfield with another width
	colKernelShare                  // kernels: how much of the name is that of the kernel before,
	colKernelText                   // text: and how it goes on
	colKernelFlags                  // byte: byte order
	colKernelLong                   // the long, against the kernel before
	colKernelSum                    // 32 bytes: SHA-256 of the BTF
	colKernelLike                   // how many kernels before is the one that it resembles
	colToggle                       // roots that it has and that one has not, or the other way round
	colToggleLen                    //
	colSequence                     // roots in an order of their own
	colSequenceLen                  //
	colSequenceNew                  // how many new ones
	colSequenceToggle               // which of them
	colCopyGap                      // copies: roots between those that have some,
	colCopyLen                      // how many segments, roots in each, and types
	colCopyRoot                     // which root
	colCopyAgain                    // whether it is a new one
	colChoices                      // how many,
	colChoice                       // and which
	numColumns
)

func (col column) isText() bool { return col == colRootText || col == colText || col == colKernelText }

// A coder writes numbers to columns, or reads them.
type coder struct {
	cols     [numColumns][]byte
	decoding bool
	err      error
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
}

// uint writes v, or returns what is read.
func (c *coder) uint(col column, v uint64) uint64 {
	b := c.cols[col]
	if !c.decoding {
		c.cols[col] = binary.AppendUvarint(b, v)
		return v
	}
	if len(b) > 0 && b[0] < 0x80 {
		c.cols[col] = b[1:]
		return uint64(b[0])
	}
	return c.long(col)
}

// long reads a number of several bytes.
func (c *coder) long(col column) uint64 {
	v, n := binary.Uvarint(c.cols[col])
	if n <= 0 {
		c.fail("column %d ends too early", col)
		return 0
	}
	c.cols[col] = c.cols[col][n:]
	return v
}

// int is uint for numbers around 0.
func (c *coder) int(col column, v int64) int64 {
	u := c.uint(col, uint64(v)<<1^uint64(v>>63))
	return int64(u>>1) ^ -int64(u&1)
}

// count is uint for how many there are, at most most.
func (c *coder) count(col column, n int, most int) int {
	v := c.uint(col, uint64(n))
	if v > uint64(most) {
		c.fail("%d of column %d, at most %d", v, col, most)
		return 0
	}
	return int(v)
}

// text is a string without a NUL in it.
func (c *coder) text(col column, s string) string {
	if !c.decoding {
		c.cols[col] = append(append(c.cols[col], s...), 0)
		return s
	}
	b := c.cols[col]
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		c.fail("column %d ends too early", col)
		return ""
	}
	c.cols[col] = b[end+1:]
	return string(b[:end])
}

// bytes is a string of a fixed length.
func (c *coder) bytes(col column, b []byte) {
	if !c.decoding {
		c.cols[col] = append(c.cols[col], b...)
		return
	}
	if copy(b, c.cols[col]) < len(b) {
		c.fail("column %d ends too early", col)
		return
	}
	c.cols[col] = c.cols[col][len(b):]
}

// finish checks that nothing is left of the columns from first to last.
func (c *coder) finish(first, last column) error {
	for col := first; col <= last; col++ {
		if len(c.cols[col]) > 0 {
			c.fail("column %d goes on too long", col)
		}
	}
	return c.err
}

const maxUint32 = math.MaxUint32
