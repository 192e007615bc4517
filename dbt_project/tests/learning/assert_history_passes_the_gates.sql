{#-
    The structural half of the leak proof. That known_at lies before the cutoff says nothing
    about a model that reads events without it; this test looks at the models themselves:
    nothing in the group of learning, and none of the views that feed it, may read a table of
    events or a column that sums up all of time, except those that are allowed to below. Nor may it
    take from the dimensions, which hold what is known today, more than ids and indexes. The gates of
    many events have each event once, for all folds: they are read by side_by_side, which lets nothing
    through that does not ask what the fold knows.
-#}
-- depends_on: {{ ref('interactions') }}
-- depends_on: {{ ref('client_features') }}
-- depends_on: {{ ref('service_features') }}
{%- set may_read_events = [
    'int_events_by_fold',
    'int_contacts_by_fold',
    'int_web_events_by_fold',
    'int_reviews_by_fold',
    'training_windows',
    'labels',
] -%}
{%- set read_side_by_side = ['int_events_by_fold', 'int_web_events_by_fold'] -%}
{#- What each fold knows of clients and services; everybody else reads it here. -#}
{%- set may_read_versions = [
    'int_clients_by_fold', 'int_services_by_fold', 'int_attributes_by_fold',
] -%}
{%- set has_versions = [
    'int_client_versions', 'int_service_versions', 'int_attribute_versions',
    'int_attributes_classified', 'client_identities',
] -%}
{%- set of_no_time = {
    'dim_clients': ['client_id', 'client_idx'],
    'dim_services': ['service_id', 'service_idx'],
} -%}
{%- set has_no_time = [
    'dim_clients', 'dim_services', 'dim_partners', 'int_client_numbers', 'int_service_numbers',
] -%}
{%- set knows_the_future = [
    'first_event_at', 'last_event_at', 'typical_price', 'unit_margin', 'on_sale_from_at',
] -%}
{%- set problems = [] -%}
{%- if execute -%}
    {%- set names = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- do names.update({node.unique_id: node.name}) -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- set is_history = (
            node.path.startswith('marts/learning/')
            or (node.path.startswith('intermediate/') and node.name.endswith('_by_fold'))
        ) -%}
        {%- if is_history -%}
            {%- for parent_id in node.depends_on.nodes -%}
                {%- set parent = names.get(parent_id, parent_id) -%}
                {%- set parent_path = graph.nodes.get(parent_id, {'path': ''}).path -%}
                {%- set is_timed = (
                    not parent.endswith('_by_fold')
                    and parent not in has_no_time
                    and not parent_path.startswith('marts/learning/')
                ) -%}
                {%- if parent in has_versions and node.name in may_read_versions -%}
                {%- elif is_timed and node.name not in may_read_events -%}
                    {%- do problems.append(node.name ~ ' reads ' ~ parent) -%}
                {%- endif -%}
                {%- if parent in of_no_time and node.name not in may_read_versions -%}
                    {%- set dimension = graph.nodes[parent_id] -%}
                    {%- for column in dimension.columns if column not in of_no_time[parent] -%}
                        {%- if modules.re.search('\\b' ~ column ~ '\\b', node.raw_code) -%}
                            {%- do problems.append(node.name ~ ' reads ' ~ column ~ ' of today') -%}
                        {%- endif -%}
                    {%- endfor -%}
                {%- endif -%}
                {%- if parent in read_side_by_side -%}
                    {%- set reference = "ref\\(\\s*['\"]" ~ parent ~ "['\"]\\s*\\)" -%}
                    {%- set readings = modules.re.findall(reference, node.raw_code) | length -%}
                    {%- set reading_well = 'side_by_side\\(\\s*' ~ reference -%}
                    {%- set well_read = modules.re.findall(reading_well, node.raw_code) | length -%}
                    {%- if readings == 0 or well_read < readings -%}
                        {%- do problems.append(node.name ~ ' reads ' ~ parent ~ ' not side by side') -%}
                    {%- endif -%}
                {%- endif -%}
                {%- if parent == 'labels' -%}
                    {%- do problems.append(node.name ~ ' reads labels') -%}
                {%- endif -%}
            {%- endfor -%}
            {%- for column in knows_the_future -%}
                {%- if modules.re.search('\\b' ~ column ~ '\\b', node.raw_code) -%}
                    {%- do problems.append(node.name ~ ' reads ' ~ column) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif %}

{% for problem in problems -%}
    select '{{ problem }}' as problem
    {{ 'union all' if not loop.last }}
{% else -%}
    select 'none' as problem
    where false
{%- endfor %}
