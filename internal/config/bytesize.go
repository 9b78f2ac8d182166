package config

import (
	"errors"
	"strconv"
	"strings"
)

// ByteSize is a number of bytes, written as such or with a unit: 64MiB.
type ByteSize int

var byteUnits = []struct {
	suffix string
	size   int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

func (b ByteSize) String() string {
	for _, u := range byteUnits {
		if b != 0 && int(b)%u.size == 0 {
			return strconv.Itoa(int(b)/u.size) + u.suffix
		}
	}
	return strconv.Itoa(int(b))
}

func parseByteSize(s string) (ByteSize, error) {
	unit := 1
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 32) // 2 GiB of units is more than any limit here
	if err != nil || n < 0 || n > (1<<40)/int64(unit) {
		return 0, errors.New("must be a number of bytes, alone or with KiB, MiB or GiB, such as 64MiB")
	}
	return ByteSize(n) * ByteSize(unit), nil
}
