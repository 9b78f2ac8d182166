-- One row for each thing that a message tells of: several for a batch. What was
-- delivered twice is here twice; the other views count it once.
SELECT
  publish_time, event_id, kind, verb, event_time, space_id, resource, JSON_VALUE(resource, '$.name') AS resource_id,
  CASE verb WHEN 'created' THEN 1 WHEN 'updated' THEN 2 ELSE 3 END AS verb_order
FROM (
  SELECT
    publish_time, event_id, kind, verb, event_time, space_id,
    COALESCE(JSON_QUERY(item, '$.message'), JSON_QUERY(item, '$.reaction'), JSON_QUERY(item, '$.membership'), JSON_QUERY(item, '$.space')) AS resource
  FROM (
    SELECT
      publish_time,
      JSON_VALUE(attributes, '$."ce-id"') AS event_id,
      REGEXP_EXTRACT(JSON_VALUE(attributes, '$."ce-type"'), '^google[.]workspace[.]chat[.]([a-zA-Z]+)[.]v1[.]') AS kind,
      LOWER(REPLACE(REGEXP_EXTRACT(JSON_VALUE(attributes, '$."ce-type"'), '[.]([a-zA-Z]+)$'), 'batch', '')) AS verb,
      SAFE_CAST(JSON_VALUE(attributes, '$."ce-time"') AS TIMESTAMP) AS event_time,
      REGEXP_EXTRACT(JSON_VALUE(attributes, '$."ce-subject"'), '(spaces/[^/]+)$') AS space_id,
      SAFE.PARSE_JSON(data) AS payload
    FROM `${table}`
  ) AS received
  CROSS JOIN UNNEST(COALESCE(
    JSON_QUERY_ARRAY(payload, '$.messages'), JSON_QUERY_ARRAY(payload, '$.reactions'), JSON_QUERY_ARRAY(payload, '$.memberships'),
    JSON_QUERY_ARRAY(payload, '$.spaces'), ARRAY[payload]
  )) AS item
) AS told
WHERE resource IS NOT NULL
