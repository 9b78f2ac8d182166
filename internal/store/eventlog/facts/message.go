package facts

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// messageArgs names the message of the facts.
func (q *factQuery) messageArgs(f *reactors.Facts) pgx.NamedArgs {
	space := f.Space.Name
	return pgx.NamedArgs{
		"space": space, "name": items.ShortName(f.Message.Name, space+"/messages"), "known": q.known,
		"since": store.Microseconds(f.Event.Time), "max": maxCounted,
	}
}

// versionThen is the version v of a message m as of the time @known; none once it
// is deleted.
const versionThen = `LEFT JOIN LATERAL (
			SELECT all_versions.text, all_versions.attachments
			FROM (
				SELECT m.text, m.attachments, m.version_time, m.event_time, m.verb_order, m.version_key
				UNION ALL
				SELECT r.text, r.attachments, r.version_time, r.event_time, r.verb_order, r.version_key
				FROM stored_revisions r
				WHERE r.space_id = m.space_id AND r.name = m.name
			) all_versions
			WHERE all_versions.text IS NOT NULL AND all_versions.event_time <= @known
			ORDER BY version_time DESC, event_time DESC, verb_order DESC, version_key DESC
			LIMIT 1
		) v ON m.deleted_at IS NULL OR m.deleted_at > @known`

// message asks what the message says of which the event told the name only.
func (q *factQuery) message(f *reactors.Facts) {
	m := &f.Message
	q.ask([]any{&m.Author, &m.Thread, &m.IsReply, &m.Text, &m.Attachments}, `
		SELECT COALESCE(u.user_name, ''),
			COALESCE(full_name(CASE m.thread WHEN '' THEN split_part(m.name, '.', 1) ELSE m.thread END, @space || '/threads'), ''),
			split_part(m.name, '.', 2) NOT IN ('', substr(split_part(m.name, '.', 1), 2)),
			COALESCE(v.text, ''), COALESCE(v.attachments, 0)
		FROM stored_messages m
		LEFT JOIN users u ON u.id = m.sender_id
		`+versionThen+`
		WHERE split_part(m.name, '.', 1) = split_part(@name, '.', 1) AND m.name = @name
			AND m.space_id = (SELECT id FROM spaces WHERE space = @space)`, q.messageArgs(f))
}

// thread asks whether the message is still there, and for what answers it: since
// it was written, or since the event if that isn't known.
func (q *factQuery) thread(f *reactors.Facts) {
	m := &f.Message
	if m.Name == "" {
		return
	}
	q.ask([]any{&m.Exists, &m.RepliesByOthers, &m.Quotes}, `
		SELECT q.deleted_at IS NULL OR q.deleted_at > @known,
			(
				SELECT count(*)
				FROM (
					SELECT
					FROM (
						SELECT space_id, sender_id, deleted_at, COALESCE(NULLIF(create_time, '-infinity'), event_time) AS told_at
						FROM stored_messages
						WHERE split_part(name, '.', 1) = q.thread_id AND thread = ''
						UNION ALL
						SELECT space_id, sender_id, deleted_at, COALESCE(NULLIF(create_time, '-infinity'), event_time) AS told_at
						FROM stored_messages
						WHERE thread = q.thread_id AND thread <> '' -- as its index says
					) m
					JOIN users u ON u.id = m.sender_id
					WHERE m.space_id = q.space_id AND m.told_at > q.told_at AND m.told_at <= @known
						AND (m.deleted_at IS NULL OR m.deleted_at > @known)
						AND m.sender_id IS DISTINCT FROM q.sender_id AND u.user_type = 'HUMAN'
					LIMIT @max
				) replies
			),
			(
				SELECT count(*)
				FROM stored_messages m
				JOIN users u ON u.id = m.sender_id
				WHERE m.quoted = @name AND m.space_id = q.space_id
					AND COALESCE(NULLIF(m.create_time, '-infinity'), m.event_time) <= @known
					AND (m.deleted_at IS NULL OR m.deleted_at > @known)
					AND m.sender_id IS DISTINCT FROM q.sender_id AND u.user_type = 'HUMAN'
			)
		FROM (
			SELECT space_id, sender_id, deleted_at, CASE thread WHEN '' THEN split_part(name, '.', 1) ELSE thread END AS thread_id,
				LEAST(NULLIF(create_time, '-infinity'), @since) AS told_at
			FROM stored_messages
			WHERE split_part(name, '.', 1) = split_part(@name, '.', 1) AND name = @name
				AND space_id = (SELECT id FROM spaces WHERE space = @space)
		) q`, q.messageArgs(f))
}

// reactions counts those that are there, and lists those of other people. One
// that was taken back and given again counts since then.
func (q *factQuery) reactions(f *reactors.Facts) {
	m := &f.Message
	q.ask([]any{&m.Reactions, &m.OthersReacted}, `
		SELECT COALESCE(json_object_agg(emoji, n), '{}'), COALESCE(array_agg(emoji) FILTER (WHERE others), '{}')
		FROM (
			SELECT r.emoji, count(*) AS n, bool_or(u.user_type = 'HUMAN' AND r.user_id IS DISTINCT FROM (
				SELECT sender_id
				FROM stored_messages
				WHERE split_part(name, '.', 1) = split_part(@name, '.', 1) AND name = @name AND space_id = r.space_id
			)) AS others
			FROM stored_reactions r
			LEFT JOIN users u ON u.id = r.user_id
			WHERE r.space_id = (SELECT id FROM spaces WHERE space = @space) AND r.message = @name AND r.emoji IS NOT NULL
				AND `+reactionIsThere+`
			GROUP BY r.emoji
		) counted`, q.messageArgs(f))
}

// reactionIsThere tells of a reaction r whether it was there at the time @known.
const reactionIsThere = `CASE WHEN r.version_time <= @known THEN r.present ELSE r.added_at <= @known AND r.removed_at > @known END`

// edits asks what an edited message said before.
func (q *factQuery) edits(f *reactors.Facts) {
	m := &f.Message
	m.TextChanged = true // as long as nobody knows better
	q.ask([]any{&m.PreviousText, &m.TextChanged}, `
		SELECT v.text, v.text <> @text
		FROM (
			SELECT text, version_time, event_time, verb_order, version_key
			FROM stored_messages
			WHERE split_part(name, '.', 1) = split_part(@name, '.', 1) AND name = @name
				AND space_id = (SELECT id FROM spaces WHERE space = @space)
			UNION ALL
			SELECT text, version_time, event_time, verb_order, version_key
			FROM stored_revisions
			WHERE space_id = (SELECT id FROM spaces WHERE space = @space) AND name = @name
		) v
		WHERE v.text IS NOT NULL AND v.event_time < @since
		ORDER BY version_time DESC, event_time DESC, verb_order DESC, version_key DESC
		LIMIT 1`, withText(q.messageArgs(f), m.Text))
}

func withText(args pgx.NamedArgs, text string) pgx.NamedArgs {
	args["text"] = store.Clean(text)
	return args
}

// affiliations asks of which organization people are, by any of their
// memberships that tells, this space's first.
func (q *factQuery) affiliations(people []*reactors.Facts) {
	q.askOf(people, func(f *reactors.Facts) []any { return []any{&f.Member.Affiliation} }, `
		SELECT who.i, any_told.affiliation
		FROM unnest(@members::text[]) WITH ORDINALITY who (member, i)
		CROSS JOIN LATERAL (
			SELECT affiliation
			FROM stored_memberships
			WHERE member = who.member AND affiliation IS NOT NULL
			ORDER BY space_id = (SELECT id FROM spaces WHERE space = @space) DESC, version_time DESC
			LIMIT 1
		) any_told`, pgx.NamedArgs{})
}

// lastDay is how far messages_last looks back.
const lastDay = 24 * time.Hour

// recent asks when people wrote in the last day.
func (q *factQuery) recent(all []*reactors.Facts) {
	s, at := all[0], q.at
	q.batch.Queue(`
		SELECT e.event_time
		FROM events e
		WHERE e.space_id = (SELECT id FROM spaces WHERE space = @space) AND e.event_time > @since AND e.event_time <= @known
			AND e.type_id = ANY (ARRAY(SELECT id FROM event_types WHERE kind = 'message' AND verb = 'created'))
			AND NOT EXISTS (SELECT FROM users u WHERE u.id = e.actor_id AND u.user_type = 'BOT')
		ORDER BY e.event_time DESC
		LIMIT @max`,
		pgx.NamedArgs{"space": s.Space.Name, "since": at.Add(-lastDay), "known": q.known, "max": maxCounted},
	).Query(func(rows pgx.Rows) error {
		var when time.Time
		return store.Each(rows, []any{&when}, func() { s.Space.Recent = append(s.Space.Recent, at.Sub(when)) })
	})
}

// top asks for the messages that got the most reactions in the week.
func (q *factQuery) top(all []*reactors.Facts) {
	w, space := &all[0].Space.Week, all[0].Space.Name
	q.batch.Queue(`
		SELECT full_name(m.name, @space || '/messages'), COALESCE(u.user_name, ''), COALESCE(u.display_name, ''),
			left(COALESCE(v.text, ''), 250), t.n
		FROM (
			SELECT r.space_id, r.message, count(DISTINCT r.reaction) AS n
			FROM events e
			JOIN event_types t ON t.id = e.type_id
			JOIN stored_reactions r ON r.space_id = e.space_id
				AND r.message = split_part(substr(e.resource, 10), '/reactions/', 1) AND r.reaction = '/' || split_part(e.resource, '/reactions/', 2)
			WHERE e.space_id = (SELECT id FROM spaces WHERE space = @space)
				AND e.event_time > @at::timestamptz - interval '7 days' AND e.event_time <= @at
				AND t.kind = 'reaction' AND t.verb = 'created' AND r.emoji IS NOT NULL AND `+reactionIsThere+`
			GROUP BY r.space_id, r.message
		) t
		JOIN stored_messages m ON split_part(m.name, '.', 1) = split_part(t.message, '.', 1) AND m.name = t.message AND m.space_id = t.space_id
		LEFT JOIN users u ON u.id = m.sender_id
		`+versionThen+`
		WHERE m.deleted_at IS NULL OR m.deleted_at > @known
		ORDER BY t.n DESC, m.create_time DESC, m.name
		LIMIT 5`,
		pgx.NamedArgs{"space": space, "at": q.at, "known": q.known},
	).Query(func(rows pgx.Rows) error {
		var name string
		var m reactors.TopMessage
		return store.Each(rows, []any{&name, &m.Author.User, &m.AuthorName, &m.Text, &m.Reactions}, func() {
			m.Permalink = reactors.MessageLink(name)
			w.TopMessages = append(w.TopMessages, m)
		})
	})
}
