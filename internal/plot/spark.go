package plot

import (
	"fmt"
	"math"
	"strings"
)

const sparkWidth, sparkHeight = 120, 24

// Spark draws a series as a small line without axes, to stand beside a number.
// What nobody knows breaks it.
func Spark(h Head, values []float64) []byte {
	c := &canvas{}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d">`+"\n",
		sparkWidth, sparkHeight)
	s := Series{Values: values}
	words := h.Description
	if nothing([]Series{s}) {
		words += " No data."
	}
	fmt.Fprintf(c, "<title>%s</title>\n<desc>%s</desc>\n", escape(h.Title), escape(words))
	a := newAxis(h.Unit, values)
	x := func(i int) float64 { return 2 + float64((sparkWidth-4)*float64(i)/math.Max(float64(len(values)-1), 1)) }
	y := func(v float64) float64 { return sparkHeight - 2 - float64((sparkHeight-4)*(v-a.low)/(a.high-a.low)) }
	var points []string
	flush := func() {
		if len(points) == 1 { // a line of no length, with round ends, is a dot
			points = append(points, points[0])
		}
		if len(points) > 0 {
			fmt.Fprintf(c, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5" stroke-linecap="round" class="s-%s"/>`+"\n",
				strings.Join(points, " "), series[0].light, series[0].name)
		}
		points = nil
	}
	for i := range values {
		if v := s.at(i); known(v) {
			points = append(points, px(x(i))+","+px(y(v)))
			continue
		}
		flush()
	}
	flush()
	return c.end()
}

// blocks are eight heights of a bar; unknownBlock stands for none.
const blocks, unknownBlock = "▁▂▃▄▅▆▇█", '·'

// Blocks is a series as one character for each value, from zero to the highest.
func Blocks(values []float64) string {
	heights, highest := []rune(blocks), 0.0
	for _, v := range values {
		if known(v) {
			highest = max(highest, v)
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case !known(v):
			b.WriteRune(unknownBlock)
		case highest == 0 || v <= 0:
			b.WriteRune(heights[0])
		default: // the lowest is for zero alone
			b.WriteRune(heights[1+int(v/highest*float64(len(heights)-2)+.5)])
		}
	}
	return b.String()
}
