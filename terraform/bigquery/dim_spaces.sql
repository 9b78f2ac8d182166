-- Every space that an event named, as its newest event describes it.
SELECT
  space_id, display_name, space_type,
  CASE
    WHEN threading_state IN ('THREADED_MESSAGES', 'GROUPED_MESSAGES') THEN TRUE
    WHEN threading_state = 'UNTHREADED_MESSAGES' OR space_type IN ('DIRECT_MESSAGE', 'GROUP_CHAT') THEN FALSE
  END AS is_threaded,
  first_seen_at, deleted_at
FROM (
  SELECT
    space_id,
    MAX(CASE WHEN age = 1 THEN JSON_VALUE(resource, '$.displayName') END) AS display_name,
    MAX(CASE WHEN age = 1 THEN JSON_VALUE(resource, '$.spaceType') END) AS space_type,
    MAX(CASE WHEN age = 1 THEN JSON_VALUE(resource, '$.spaceThreadingState') END) AS threading_state,
    MIN(event_time) AS first_seen_at,
    MIN(CASE WHEN kind = 'space' AND verb = 'deleted' THEN event_time END) AS deleted_at
  FROM (
    SELECT
      space_id, kind, verb, event_time, resource,
      CASE WHEN kind = 'space' AND verb = 'updated' THEN ROW_NUMBER() OVER (
        PARTITION BY space_id, kind, verb ORDER BY event_time DESC, event_id DESC
      ) END AS age
    FROM `${events}`
    WHERE space_id IS NOT NULL
  ) AS aged
  GROUP BY space_id
) AS spaces
