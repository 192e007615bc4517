-- depends_on: {{ ref('training_windows') }}
-- depends_on: {{ ref('build_vars') }}
-- depends_on: {{ ref('interactions') }}
-- depends_on: {{ ref('interests') }}
-- depends_on: {{ ref('labels') }}
-- depends_on: {{ ref('client_features') }}
-- depends_on: {{ ref('service_features') }}
-- depends_on: {{ ref('ineligible_clients') }}
-- depends_on: {{ ref('ineligible_services') }}
-- depends_on: {{ ref('ineligible_pairs') }}
-- depends_on: {{ ref('dim_clients') }}
-- depends_on: {{ ref('dim_services') }}
select
    cast(null as string) as run_id,
    cast(null as string) as status,
    cast(null as timestamp) as as_of_at,
    cast(null as string) as champion_model,
    cast(null as string) as champion_reason,
    cast(null as bigint) as seed,
    cast(null as string) as settings_json,
    cast(null as string) as package_versions_json,
    cast(null as timestamp) as started_at,
    cast(null as timestamp) as finished_at,
    cast(null as int) as horizon_days
where false
