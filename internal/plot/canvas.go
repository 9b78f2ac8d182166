package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Sizes in pixels of an SVG that isn't scaled.
const (
	width       = 720
	left, right = 56, 688 // of the field that values are drawn in
	top         = 56
	bottom      = 244
	legendAt    = 42
	letter      = 6.2 // width of one, more or less, in small texts
)

// canvas is the SVG so far.
type canvas struct {
	bytes.Buffer
	height int
}

// newCanvas begins an SVG with what it shows in words.
func newCanvas(h Head, height int, more ...string) *canvas {
	c := &canvas{height: height}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" `+
		`font-family="system-ui,sans-serif" font-size="11">`+"\n", width, height)
	words := strings.Join(append([]string{h.Description}, more...), " ")
	fmt.Fprintf(c, "<title>%s</title>\n<desc>%s</desc>\n", escape(h.Title), escape(words))
	c.rect(0, 0, width, float64(height), ground, "")
	c.text(16, 22, ink, `font-size="15" font-weight="600"`, h.Title, 90)
	return c
}

func (c *canvas) end() []byte {
	c.WriteString("</svg>\n")
	return c.Bytes()
}

// noData says so where values would be.
func (c *canvas) noData() []byte {
	c.text(width/2, float64(c.height)/2, faint, `font-size="14" text-anchor="middle"`, "No data", 20)
	return c.end()
}

// rect draws a rectangle; told is what a pointer on it shows, "" for nothing.
func (c *canvas) rect(x, y, w, h float64, fill colour, told string) {
	fmt.Fprintf(c, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s" class="f-%s"`, px(x), px(y), px(w), px(h), fill.light, fill.name)
	c.told("rect", told)
}

// hollow is a rectangle of which only the edge is drawn.
func (c *canvas) hollow(x, y, w, h float64, edge colour, told string) {
	fmt.Fprintf(c, `<rect x="%s" y="%s" width="%s" height="%s" fill="none" stroke="%s" stroke-dasharray="3 2" class="s-%s"`,
		px(x+.5), px(y+.5), px(max(w-1, 0)), px(max(h-1, 0)), edge.light, edge.name)
	c.told("rect", told)
}

func (c *canvas) told(element, told string) {
	if told == "" {
		c.WriteString("/>\n")
		return
	}
	fmt.Fprintf(c, "><title>%s</title></%s>\n", escape(told), element)
}

func (c *canvas) line(x1, y1, x2, y2 float64, stroke colour, attributes string) {
	fmt.Fprintf(c, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s" class="s-%s" %s/>`+"\n",
		px(x1), px(y1), px(x2), px(y2), stroke.light, stroke.name, attributes)
}

// text writes at most limit characters.
func (c *canvas) text(x, y float64, fill colour, attributes, text string, limit int) {
	fmt.Fprintf(c, `<text x="%s" y="%s" fill="%s" class="f-%s" %s>%s</text>`+"\n",
		px(x), px(y), fill.light, fill.name, attributes, escape(shortened(text, limit)))
}

// legend names series by their colours.
func (c *canvas) legend(names []string, colours []colour) {
	x := float64(left)
	for i, name := range names {
		c.rect(x, legendAt-8, 10, 8, colours[i], "")
		name = shortened(name, 28)
		c.text(x+14, legendAt, ink, "", name, 28)
		x += 14 + 18 + letter*float64(len([]rune(name)))
	}
}

func px(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0 // not -0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func shortened(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d' // scripts and emoji are made with them

// escape is a text as XML and HTML hold it, without characters that aren't
// shown themselves but move or reverse others.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != zeroWidthNonJoiner && r != zeroWidthJoiner && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) //nolint:errcheck // a builder takes everything
	return b.String()
}
