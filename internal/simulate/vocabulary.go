package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

var (
	firstNames = []string{
		"Ada", "Bruno", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kenji", "Lena",
		"Mateo", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tilda", "Umar", "Vera", "Wanda", "Yusuf", "Zoe",
	}
	lastNames = []string{
		"Abbott", "Berger", "Castro", "Dahl", "Egger", "Fontaine", "Garcia", "Holm", "Ivanov", "Jensen", "Keller",
		"Lopez", "Meyer", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Silva", "Tanaka", "Urban", "Vogel", "Weber",
		"Yilmaz", "Zhang",
	}
	teams = []string{
		"Warehouse", "Support", "Billing", "Website", "Hiring", "Field service", "Design", "Data", "Kitchen", "Logistics",
	}
	purposes = []string{"team", "planning", "questions", "news", "on call", "ideas"}

	openers = []string{
		"Morning!", "Quick one:", "Heads up,", "Good news,", "Question:", "For the record:", "", "", "", "",
	}
	subjects = []string{
		"the delivery from Lyon", "the new price list", "the ticket from yesterday", "our test environment", "the quarterly report",
		"the printer on the second floor", "the draft contract", "the search page", "the nightly import", "the customer in Oslo",
		"the rota for next week", "the invoice layout", "the login screen", "the stock count",
	}
	predicates = []string{
		"is ready for a second look", "is late again", "looks much better now", "still waits for an answer",
		"needs someone with access", "moved to Thursday", "works since the restart", "has two open points", "is done, thanks to all",
		"comes out different on my machine", "should be checked before we send it", "is more work than we thought",
	}
	closers = []string{
		"Who has time today?", "I'll write it down in the notes.", "Any objections?", "More after lunch.", "See the page in the handbook.",
		"Let's talk about it at ten.", "No hurry.", "", "", "", "", "",
	}
	answers = []string{
		"Thanks, I'll take it.", "On it.", "Can you send me the link?", "Same here, since about nine.", "That was me, sorry. Fixed.",
		"I asked them, they will call back.", "Agreed.", "Not before tomorrow, I'm afraid.", "Works for me now.", "Let me check the logs first.",
		"Yes, both of them.", "Good catch!", "We had this in March too; it was the cache.", "I'd rather wait for the numbers.",
	}
	emojis = []string{"👍", "👍", "👍", "🎉", "❤️", "😂", "👀", "🙏", "✅", "🚀", ":party-parrot:", ":shipit:"}
)

// personName is the name of the n-th person: no two share one before all pairs
// are used up.
func personName(seed uint64, n int) string {
	f, l := len(firstNames), len(lastNames)
	first := (n + int(seed%uint64(f))) % f
	last := (n + n/f + int(seed/7%uint64(l))) % l
	return firstNames[first] + " " + lastNames[last]
}

// spaceTitle is the display name of the n-th space.
func spaceTitle(seed uint64, n int) string {
	t, p := len(teams), len(purposes)
	title := teams[(n+int(seed%uint64(t)))%t] + " " + purposes[(n/t+n)%p]
	if again := n / (t * p); again > 0 {
		title = fmt.Sprintf("%s %d", title, again+1)
	}
	return title
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// Answer is what somebody might reply.
func Answer(rng *rand.Rand) string { return pick(rng, answers) }

// Remark is what somebody might start a thread with: one sentence or a few.
func Remark(rng *rand.Rand) string {
	var parts []string
	if opener := pick(rng, openers); opener != "" {
		parts = append(parts, opener)
	}
	for range 1 + rng.IntN(3)*rng.IntN(2) {
		sentence := pick(rng, subjects) + " " + pick(rng, predicates) + "."
		if len(parts) == 0 || strings.HasSuffix(parts[len(parts)-1], "!") || strings.HasSuffix(parts[len(parts)-1], ".") {
			sentence = strings.ToUpper(sentence[:1]) + sentence[1:]
		}
		parts = append(parts, sentence)
	}
	if closer := pick(rng, closers); closer != "" {
		parts = append(parts, closer)
	}
	return strings.Join(parts, " ")
}
