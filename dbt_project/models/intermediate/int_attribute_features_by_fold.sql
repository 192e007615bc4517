-- Attributes as features: numbers by their fifth, all else by its value. A value that one client or
-- service alone has says nothing of others, so names and numbers of documents become no features.
with

attributes as (

    select
        fold,
        case when client_idx is null then 'service' else 'client' end as scope,
        client_idx,
        service_idx,
        attribute,
        value,
        value_number
    from {{ ref('int_attributes_by_fold') }}

    union all

    select
        fold,
        'client' as scope,
        client_idx,
        cast(null as int) as service_idx,
        'region' as attribute,
        region as value,
        cast(null as double) as value_number
    from {{ ref('int_clients_by_fold') }}
    where region is not null

),

-- A few different numbers are rather codes.
attribute_kinds as (

    select
        fold,
        scope,
        attribute,
        count(value_number) = count(*) and count(distinct value_number) > 10 as is_number
    from attributes
    group by fold, scope, attribute

),

attributes_by_kind as (

    select
        attributes.*,
        attribute_kinds.is_number
    from attributes
    inner join attribute_kinds
        on
            attributes.fold = attribute_kinds.fold
            and attributes.scope = attribute_kinds.scope
            and attributes.attribute = attribute_kinds.attribute

),

number_counts as (

    select
        fold,
        scope,
        attribute,
        value_number,
        count(*) as holder_count
    from attributes_by_kind
    where is_number
    group by fold, scope, attribute, value_number

),

number_fifths as (

    select
        fold,
        scope,
        attribute,
        value_number,
        {{ mass_bin_of_groups(
            'holder_count', 'value_number', ['fold', 'scope', 'attribute'], 5
        ) }} as fifth
    from number_counts

),

values_of_texts as (

    select
        fold,
        scope,
        client_idx,
        service_idx,
        attribute,
        coalesce(value, cast(value_number as string)) as value
    from attributes_by_kind
    where not is_number

),

value_ranks as (

    select
        fold,
        scope,
        attribute,
        value,
        count(*) as holder_count,
        row_number() over (
            partition by fold, scope, attribute
            order by count(*) desc, value asc
        ) as holder_rank
    from values_of_texts
    group by fold, scope, attribute, value

)

select
    attributes.fold,
    attributes.client_idx,
    attributes.service_idx,
    'attribute_' || attributes.attribute || '=' || cast(number_fifths.fifth as string) || ' of 5'
        as feature,
    cast(1 as double) as value,
    -- Attributes of the client or service, not of an event.
    cast(null as timestamp) as known_at
from attributes_by_kind as attributes
inner join number_fifths
    on
        attributes.fold = number_fifths.fold
        and attributes.scope = number_fifths.scope
        and attributes.attribute = number_fifths.attribute
        and attributes.value_number = number_fifths.value_number
where attributes.is_number

union all

select
    attributes.fold,
    attributes.client_idx,
    attributes.service_idx,
    'attribute_' || attributes.attribute || '=' || attributes.value as feature,
    cast(1 as double) as value,
    cast(null as timestamp) as known_at
from values_of_texts as attributes
inner join value_ranks
    on
        attributes.fold = value_ranks.fold
        and attributes.scope = value_ranks.scope
        and attributes.attribute = value_ranks.attribute
        and attributes.value = value_ranks.value
where
    value_ranks.holder_count >= 2
    and value_ranks.holder_rank <= {{ var('category_feature_count') }}
