package store

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// addresses put a password into a connection string, rightly and wrongly.
var addresses = []string{
	"host=127.0.0.1 port=1 user=app dbname=x password=%s",
	"host=127.0.0.1 port=1 user=app dbname=x password = %s sslmode=disable",
	"host=127.0.0.1 port=none user=app password = '%s'",
	"password=%s host=127.0.0.1 port=1 user=app",
	"password='%s' host=127.0.0.1 port=1 sslmode=wrong",
	"password='%s host=127.0.0.1",
	`password='it\'s %s' connect_timeout=x`,
	"host=127.0.0.1 password=%s' user=app",
	"host=127.0.0.1 pass word=%s user=app",
	"postgres://app:%s@127.0.0.1:1/x",
	"postgres://app:12/%s@127.0.0.1:1/x",
	"postgres://app:12?%s@127.0.0.1:1/x",
	"postgres://app:12#%s@127.0.0.1:1/x",
	"postgres://app:a b%s@127.0.0.1:1/x",
	"postgres://app:%%%s@127.0.0.1:1/x",
	"postgres://app:%s@127.0.0.1:none/x",
	"postgres://app@127.0.0.1:1/x?password=%s&pool_max_conns=many",
	"postgresql://app:%s@",
	"app:%s@127.0.0.1:1/x",
	"%s",
}

// FuzzAddress gives any password to each of the addresses. It gets into no error,
// nor into a part that is shown or that the server repeats.
func FuzzAddress(f *testing.F) {
	for _, before := range []string{"", "a b ", "it's ", `\`, "x=1 ", "a/b", "a?b", "a#b", "a@b", "%", "dbname=y ", "&x="} {
		f.Add(before, "")
		f.Add("", before)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		const canary = "c4n4ry"
		for _, address := range addresses {
			dsn := fmt.Sprintf(address, before+canary+after)
			config, err := parseAddress(dsn)
			if err != nil {
				if strings.Contains(fmt.Sprintf("%v %#v", err, err), canary) {
					t.Errorf("%q: got error %v", dsn, err)
				}
				continue
			}
			for key := range config.ConnConfig.RuntimeParams {
				if strings.Contains(key, canary) {
					t.Errorf("%q: the server is asked for %q", dsn, key)
				}
			}
			// What somebody wrote there, by a key of its own, is no password.
			c := config.ConnConfig
			if strings.Contains(before+after, "=") || strings.HasPrefix(dsn, canary) {
				continue
			}
			if strings.Contains(c.Host+" "+c.Database+" "+c.User, canary) {
				t.Errorf("%q: %s, %s, %s is shown", dsn, c.Host, c.Database, c.User)
			}
		}
	})
}

func TestGoodAddresses(t *testing.T) {
	t.Parallel()
	const password = `p'w\ d:@/?#%`
	for _, dsn := range []string{
		"",
		"postgres://app:" + url.QueryEscape("a b@c") + "@db.example:5433,db2.example:5433/space?sslmode=disable&application_name=x&pool_max_conns=3",
		(&url.URL{Scheme: "postgres", User: url.UserPassword("app", password), Host: "db:5433", Path: "space"}).String(),
		`host=/run/postgresql user=app dbname=space password='p\'w\\ d:@/?#%' options='-c work_mem=1MB' statement_timeout=5s`,
	} {
		if _, err := parseAddress(dsn); err != nil {
			t.Errorf("%q: %v", dsn, err)
		}
	}
}
