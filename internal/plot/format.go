package plot

import (
	"math"
	"strconv"
	"strings"
)

// Unit is what a value counts, which is how it is written. It depends on no
// locale.
type Unit int

const (
	Count   Unit = iota // 1,234 or 2.5
	Share               // of 1: 42.1%
	Seconds             // 3h5m
)

// None stands for a value that nobody knows.
const None = "—"

// Text is a value for people: exact enough to be compared.
func (u Unit) Text(v float64) string {
	switch {
	case !known(v):
		return None
	case u == Share:
		return number(v*100, 1) + "%"
	case u == Seconds:
		return duration(v)
	case math.Abs(v) < 100:
		return number(v, 2)
	}
	return number(v, 0)
}

// short is a value where there is little room.
func (u Unit) short(v float64) string {
	size := math.Abs(v)
	switch {
	case !known(v):
		return None
	case u == Share:
		return number(v*100, 0) + "%"
	case u == Seconds:
		return duration(v)
	case size >= 1e9:
		return number(v/1e9, 1) + "G"
	case size >= 1e6:
		return number(v/1e6, 1) + "M"
	case size >= 1e4:
		return number(v/1e3, 1) + "k"
	case size >= 10:
		return number(v, 0)
	}
	return number(v, 1)
}

// known tells a number from none. Nobody counts as far as 1e15.
func known(v float64) bool { return math.Abs(v) < 1e15 }

// number writes at most so many decimals, and commas between thousands.
func number(v float64, decimals int) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, rest, fraction := strings.Cut(text, ".")
	if rest = strings.TrimRight(rest, "0"); fraction && rest != "" {
		rest = "." + rest
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if v < 0 && whole+rest != "0" {
		whole = "-" + whole
	}
	return whole + rest
}

// duration writes seconds by their two largest units.
func duration(v float64) string {
	if v < 0 {
		return "-" + duration(-v)
	}
	if v < 10 {
		return number(v, 1) + "s"
	}
	for _, unit := range []struct {
		size, part   float64
		large, small string
	}{{86400, 3600, "d", "h"}, {3600, 60, "h", "m"}, {60, 1, "m", "s"}} {
		parts := math.Round(v / unit.part)
		if each := unit.size / unit.part; parts >= each {
			text := number(math.Floor(parts/each), 0) + unit.large
			if rest := math.Mod(parts, each); rest > 0 {
				text += number(rest, 0) + unit.small
			}
			return text
		}
	}
	return number(v, 0) + "s"
}
