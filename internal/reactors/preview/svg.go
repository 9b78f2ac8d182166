package preview

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// style is how a kind of line is drawn.
type style struct {
	size, before int  // of the letters, and the space above, in pixels
	bold         bool // bold letters are wider
	attributes   string
}

const (
	pictureWidth = 440
	margin       = 16
	inside       = pictureWidth - 4*margin // of a card, for its lines
	padding      = 12                      // of a button
)

var styles = map[lineKind]style{
	asTitle:    {18, 8, true, ``},
	asSubtitle: {13, 2, false, `fill="#5f6368"`},
	asHeading:  {14, 10, true, `fill="#1a73e8"`},
	asLabel:    {12, 6, false, `fill="#5f6368"`},
	asBody:     {14, 6, false, ``},
	asButton:   {14, 10, true, `fill="#1a73e8"`},
	asRule:     {1, 10, false, ``},
	asOther:    {12, 6, false, `font-style="italic" fill="#5f6368"`},
}

// column is how wide a letter is, in hundredths of pixels: as in a wide font.
func (s style) column() int {
	if s.bold {
		return s.size * 69
	}
	return s.size * 60
}

// Picture draws the cards of requests as an SVG, below each other. It is well-formed
// whatever people are called, and holds nothing but shapes and text. An error
// says that there is none to draw.
func Picture(requests []reactors.Request) ([]byte, error) {
	var cards [][]cardLine
	for _, r := range requests {
		var parts struct{ Cards json.RawMessage }
		if json.Unmarshal(r.Body, &parts) != nil || parts.Cards == nil {
			continue
		}
		some, ok := cardsOf(parts.Cards)
		if !ok {
			return nil, errors.New("draw a card: it can't be read")
		}
		cards = append(cards, some...)
	}
	if len(cards) == 0 {
		return nil, errors.New("the rule sends no card: there is nothing to draw")
	}
	var d drawing
	for _, c := range cards {
		d.card(c)
	}
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" fill="#202124">`+"\n",
		pictureWidth, d.y+margin)
	svg.Write(d.shapes.Bytes())
	svg.WriteString("</svg>\n")
	return svg.Bytes(), nil
}

// drawing is what has been drawn, and down to where.
type drawing struct {
	shapes bytes.Buffer
	y      int
}

func (d *drawing) card(lines []cardLine) {
	top := d.y + margin
	d.y = top + margin/2
	var shapes bytes.Buffer
	for _, l := range lines {
		s := styles[l.kind]
		d.y += s.before
		switch {
		case l.kind == asRule:
			fmt.Fprintf(&shapes, `<line x1="%d" y1="%d" x2="%d" y2="%[2]d" stroke="#dadce0"/>`+"\n", 2*margin, d.y, pictureWidth-2*margin)
		case l.kind == asButton:
			d.button(&shapes, l.text, s)
		case l.link != "":
			d.text(&shapes, wrapped(cli.Clean(l.text+" → "+l.link), inside*100/s.column()), 2*margin, s)
		default:
			d.text(&shapes, wrapped(cli.Clean(l.text), inside*100/s.column()), 2*margin, s)
		}
	}
	d.y += margin
	fmt.Fprintf(&d.shapes, `<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="#ffffff" stroke="#dadce0"/>`+"\n",
		margin, top, pictureWidth-2*margin, d.y-top)
	d.shapes.Write(shapes.Bytes())
}

// button draws a button around its words. Where it leads the card as text says.
func (d *drawing) button(shapes *bytes.Buffer, text string, s style) {
	lines := wrapped(cli.Clean(text), (inside-2*padding)*100/s.column())
	longest := 0
	for _, line := range lines {
		longest = max(longest, columnsOf(line))
	}
	fmt.Fprintf(shapes, `<rect x="%d" y="%d" width="%d" height="%d" rx="14" fill="#e8f0fe"/>`+"\n",
		2*margin, d.y, longest*s.column()/100+2*padding, len(lines)*s.size*5/4+padding)
	d.y += padding / 3
	d.text(shapes, lines, 2*margin+padding, s)
	d.y += padding - padding/3
}

// text writes lines below each other.
func (d *drawing) text(shapes *bytes.Buffer, lines []string, x int, s style) {
	if s.bold {
		s.attributes += ` font-weight="bold"`
	}
	for _, line := range lines {
		d.y += s.size * 5 / 4
		fmt.Fprintf(shapes, `<text x="%d" y="%d" font-size="%d" %s xml:space="preserve">`, x, d.y, s.size, s.attributes)
		xml.EscapeText(shapes, []byte(line)) //nolint:errcheck // a buffer takes everything
		shapes.WriteString("</text>\n")
	}
}

// wrapped breaks a text into lines of a width: between words where it can, and
// never within a character that is made of several.
func wrapped(text string, columns int) (lines []string) {
	for text != "" {
		width, end, space := 0, 0, -1
		for end < len(text) {
			r, size := utf8.DecodeRuneInString(text[end:])
			width += widthOf(r)
			if width > columns && !joins(r) {
				break
			}
			if r == ' ' {
				space = end
			}
			end += size
		}
		if end < len(text) && space > 0 {
			end = space
		}
		lines = append(lines, text[:end])
		text = strings.TrimPrefix(text[end:], " ")
	}
	return lines
}

// columnsOf is how many columns a line takes, more or less.
func columnsOf(line string) (n int) {
	for _, r := range line {
		n += widthOf(r)
	}
	return n
}

// widthOf is how many columns a character takes, more or less.
func widthOf(r rune) int {
	switch {
	case joins(r):
		return 0
	case r >= 0x2e80:
		return 2
	}
	return 1
}

// joins reports whether a character belongs to the one before it.
func joins(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= 0x1f3fb && r <= 0x1f3ff
}
