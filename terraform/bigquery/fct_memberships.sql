-- Who was in which space from when to when. The first that is known of a member may
-- be that they left: from when is unknown then.
SELECT
  t.space_id, t.member_id, t.member_type,
  CASE WHEN t.change = 'joined' THEN t.changed_at END AS joined_at,
  LEAST(COALESCE(CASE WHEN t.change = 'left' THEN t.changed_at ELSE t.next_at END, s.deleted_at),
    COALESCE(s.deleted_at, CASE WHEN t.change = 'left' THEN t.changed_at ELSE t.next_at END)) AS left_at,
  t.changed_at AS known_at
FROM (
  SELECT
    space_id, member_id, member_type, changed_at, change, place,
    LEAD(changed_at) OVER (PARTITION BY space_id, member_id ORDER BY changed_at, place) AS next_at
  FROM (
    SELECT
      space_id, member_id, member_type, changed_at, change,
      ROW_NUMBER() OVER (PARTITION BY space_id, member_id ORDER BY changed_at, CASE change WHEN 'joined' THEN 1 WHEN 'left' THEN 3 ELSE 2 END) AS place
    FROM `${fct_membership_changes}`
  ) AS placed
  WHERE change IN ('joined', 'left') OR place = 1 AND change IN ('role_changed', 'other')
) AS t
LEFT JOIN `${dim_spaces}` AS s ON s.space_id = t.space_id
WHERE t.change <> 'left' OR t.place = 1
