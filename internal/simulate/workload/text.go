package workload

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// vocabularySize is about what the people of one company use in chat. Words
// too few, or too regular, would compress better than real messages do.
const vocabularySize = 24_000

var emojis = strings.Fields("👍 ❤️ 😂 🎉 🙏 ✅ 👀 🚀 🔥 💯 😊 👏 🤔 😅 🙌 😍 👋 💪 😢 ⚡ 🐛 📈 ☕ 🍕 🎂 🤝 🧪 📝 🛠️ 🚨")

var commonWords = strings.Fields(`the to and a of in is it you that for on this we i be have with are can not will if
at but do so was as from or just they all there what me my your an about when up one out get like no has our how more
now would some time know need then see also any think make here been them who could please should let us want work
back good new thanks today sure into only its did sorry after which had their yes next use off over very week still
still tomorrow maybe because before does same where than too first by check looks team again last great fine done
right soon something really those yesterday anyone today already until though morning quite afternoon`)

var stems = strings.Fields(`account act adapt alert align allow amount answer appear apply approve archive arrange assign
attach audit balance bank base batch begin bill block board book branch brand bridge brief bring budget bug build bundle
button cable cache call campaign cancel capture card carry case catch chain change channel chart check claim class clean
clear click client clone close cloud cluster code collect column comment commit compare complete concern config confirm
connect consider contact contain content contract control convert copy cost count cover craft crash create credit cross
current custom cycle dash data date deal debate debug decide deck default defer define delay deliver demand deploy depend
design desk detail detect develop device differ direct discuss disk display docket domain double draft draw drive drop
edge edit effect effort email embed employ enable encode end engage engine enter error escalate estimate event exact
examine exchange expand expect expense expert explain export expose extend fail feature feed feel fetch field figure file
fill filter final finance find finish fix flag flight flow focus folder follow force forecast form forward frame freeze
front fund gather gauge general graph group grow guard guess guide handle happen head help hire hold hook host hour house
human hunt idea image impact import improve include index inform input inspect install interest invest invite invoice issue
item join journal judge jump keep kernel key kick label land launch layer layout lead learn leave legal letter level link
list load local lock log look loop lunch mail main manage map margin mark market match matter measure meet member merge
message meter method migrate mind minute miss mix mobile model module monitor month mount move name need network night
node note notice number object offer office open operate option order organ output outline owner pack page panel paper
parse part partner pass patch pattern pause pay people perform period phase phone pick pilot pipe place plan platform play
point policy pool port post power practice prepare present press price print process produce product profile program
project promise proof propose protect prove provide publish pull push quality quarter query quest queue quick quote raise
range rank rate reach react read rebase receive record recover reduce refactor refer refine reflect refuse region register
reject relate release remind remove render renew repair repeat replace reply report request require research reserve reset
resolve resource respond rest result retry return reveal review revise risk road rollback room root rotate round route row
rule run sale sample save scale scan schedule scope score screen script search season section secure seem segment select
sell send sense series serve session set share shift ship show sign silent simple site size skip sleep slice slide slot
smart snap socket solve sort sound source space spec speed split sprint stack staff stage stand start state station status
stay step stick stock stop store story stream stress strict string strong study style submit suggest suite supply support
survey switch sync system table tag talk target task teach tenant term test text theme thread ticket tier tool topic total
touch track trade traffic train transfer travel treat trend trial trigger trust tune type unit update upgrade upload user
value vendor verify version view visit voice volume vote wait walk wall warn watch wave week weight widget window wire
wonder word workshop write year yield zone`)

var (
	prefixes = strings.Fields("re un pre over under out inter sub super co non mis de")
	suffixes = strings.Fields("s ed ing er ers ment able ly ness ful less ion ation al ity ive")
	names    = strings.Fields(`amara bjorn carlos dilek elif farid grace hugo ines jonas kavya liam mei nadia omar priya
quentin rosa samir tomas ulla victor wanda ximena yusuf zoe`)
)

// vocabulary makes distinct words: stems first, then what prefixes, suffixes
// and compounds make of them, and the abbreviations every company invents.
func vocabulary(r *rand.Rand) []string {
	seen := map[string]bool{}
	var out []string
	add := func(w string) {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	for _, i := range r.Perm(len(stems)) {
		add(stems[i])
	}
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	for len(out) < vocabularySize {
		switch r.IntN(8) {
		case 0:
			add(pick(prefixes) + pick(stems))
		case 1:
			add(pick(prefixes) + pick(stems) + pick(suffixes))
		case 2:
			add(pick(stems) + "-" + pick(stems))
		case 3:
			add(strings.ToUpper(pick(stems)[:1]) + pick(stems)[:2] + strconv.Itoa(r.IntN(100)))
		case 4:
			add(syllables(r))
		default:
			add(pick(stems) + pick(suffixes))
		}
	}
	return out
}

// syllables makes a word that nobody knows: a product, a nickname, a typo.
func syllables(r *rand.Rand) string {
	const consonants, vowels = "bcdfghjklmnprstvwz", "aeiouy"
	var b strings.Builder
	for range 2 + r.IntN(2) {
		b.WriteByte(consonants[r.IntN(len(consonants))])
		b.WriteByte(vowels[r.IntN(len(vowels))])
		if r.IntN(3) == 0 {
			b.WriteByte(consonants[r.IntN(len(consonants))])
		}
	}
	return b.String()
}

// text is what somebody writes: mostly a short remark, now and then an essay.
func (g *Generator) text() string {
	var b strings.Builder
	// Log-normal, as lengths of chat messages are; the tail makes the mean.
	length := int(math.Exp(5.02 + 0.95*g.random.NormFloat64()))
	length = min(max(length, 2), 4000)
	if g.random.IntN(12) == 0 {
		b.WriteString("@" + names[g.random.IntN(len(names))] + " ")
	}
	for b.Len() < length {
		b.WriteString(g.sentence())
		if b.Len() > 300 && g.random.IntN(3) == 0 {
			b.WriteByte('\n')
		} else if b.Len() < length {
			b.WriteByte(' ')
		}
	}
	if g.random.IntN(6) == 0 {
		b.WriteString(" " + emojis[g.emojiRank.Uint64()])
	}
	return b.String()
}

func (g *Generator) sentence() string {
	var b strings.Builder
	for i := range 2 + g.random.IntN(14) {
		w := g.phrase()
		if i == 0 && g.random.IntN(3) > 0 && w[0] >= 'a' && w[0] <= 'z' {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	b.WriteString([]string{".", ".", ".", "", "?", "!", "…"}[g.random.IntN(7)])
	return b.String()
}

// phrase is a word, or one of the things in chat that aren't words.
func (g *Generator) phrase() string {
	switch n := g.random.IntN(200); {
	case n < 92:
		return commonWords[g.commonRank.Uint64()]
	case n < 184:
		return g.word()
	case n < 190:
		return strconv.Itoa(g.random.IntN(5000))
	case n < 193:
		return strings.ToUpper(token(g.random, 3)) + "-" + strconv.Itoa(g.random.IntN(20_000))
	case n < 195:
		return strconv.Itoa(8+g.random.IntN(11)) + ":" + strconv.Itoa(10+5*g.random.IntN(10))
	case n < 197:
		return "\"" + g.word() + "\""
	case n < 198:
		return "`" + g.word() + "_" + g.word() + "()`"
	case n < 199:
		return "https://" + g.word() + ".example.com/d/" + token(g.random, 12+g.random.IntN(20))
	default:
		return "<users/" + g.user() + ">"
	}
}

func (g *Generator) word() string { return g.words[g.wordRank.Uint64()] }
