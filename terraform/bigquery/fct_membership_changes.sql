-- Every change of a membership that an event told, each event once.
SELECT
  space_id, member_id, member_type, event_time AS changed_at, DATE(event_time, '${zone}') AS activity_date,
  CASE
    WHEN inside AND (NOT was_inside OR was_inside IS NULL AND verb = 'created') THEN 'joined'
    WHEN NOT inside AND (was_inside OR was_inside IS NULL AND verb = 'deleted') THEN 'left'
    WHEN state = 'INVITED' AND COALESCE(old_state, '') <> 'INVITED' THEN 'invited'
    WHEN inside AND role <> old_role THEN 'role_changed'
    ELSE 'other'
  END AS change,
  role
FROM (
  SELECT
    space_id, member_id, event_time, verb, state, role, state = 'JOINED' AS inside,
    MAX(member_type) OVER (PARTITION BY space_id, member_id) AS member_type,
    LAG(state) OVER (PARTITION BY space_id, member_id ORDER BY event_time, verb_order, event_id) = 'JOINED' AS was_inside,
    LAG(state) OVER (PARTITION BY space_id, member_id ORDER BY event_time, verb_order, event_id) AS old_state,
    LAG(role) OVER (PARTITION BY space_id, member_id ORDER BY event_time, verb_order, event_id) AS old_role
  FROM (
    SELECT
      space_id, event_id, event_time, verb, verb_order,
      -- A deletion names the membership only.
      COALESCE(JSON_VALUE(resource, '$.member.name'), JSON_VALUE(resource, '$.groupMember.name'),
        CONCAT('users/', REGEXP_EXTRACT(resource_id, '/members/(.+)$'))) AS member_id,
      JSON_VALUE(resource, '$.member.type') AS member_type,
      CASE WHEN verb = 'deleted' THEN 'NOT_A_MEMBER' ELSE JSON_VALUE(resource, '$.state') END AS state,
      JSON_VALUE(resource, '$.role') AS role,
      ROW_NUMBER() OVER (PARTITION BY event_id, resource_id ORDER BY publish_time) AS copy
    FROM `${events}`
    WHERE kind = 'membership'
  ) AS copies
  WHERE copy = 1 AND state IS NOT NULL
) AS changes
