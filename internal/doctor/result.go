package doctor

// Outcome is how a check ended.
type Outcome string

const (
	OK      Outcome = "ok"
	Warning Outcome = "warning" // it works, but not as well as it should
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped" // it can't be told; Seen says why
)

// Result is what one check found. Fields may be added to the JSON, and none
// will change its meaning.
type Result struct {
	Code     string   `json:"code"` // "SK101"; stays the same for good
	Group    string   `json:"group"`
	Name     string   `json:"name"` // what should be so
	Outcome  Outcome  `json:"outcome"`
	Seen     string   `json:"seen,omitempty"`     // what is so
	Fix      []string `json:"fix,omitempty"`      // what to do, one step or command each
	Subjects []string `json:"subjects,omitempty"` // names of the resources that it is about
	Doc      string   `json:"doc"`                // explains the code, with its anchor
}

// Report is the results of all checks, in the order of the list.
type Report struct {
	Version int             `json:"version"` // of the JSON: 1
	Outcome Outcome         `json:"outcome"` // the worst of the results; skipped ones don't count
	Counts  map[Outcome]int `json:"counts"`
	Results []Result        `json:"results"`
}

// reportVersion changes when a field is removed or means something else.
const reportVersion = 1

func newReport(results []Result) Report {
	r := Report{Version: reportVersion, Outcome: OK, Counts: map[Outcome]int{OK: 0, Warning: 0, Failed: 0, Skipped: 0}, Results: results}
	for _, result := range results {
		r.Counts[result.Outcome]++
	}
	switch {
	case r.Counts[Failed] > 0:
		r.Outcome = Failed
	case r.Counts[Warning] > 0:
		r.Outcome = Warning
	}
	return r
}

// Result returns that of one code; the zero value if it wasn't checked.
func (r Report) Result(code string) Result {
	for _, result := range r.Results {
		if result.Code == code {
			return result
		}
	}
	return Result{}
}
