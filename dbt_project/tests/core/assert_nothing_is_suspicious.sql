{{ config(severity='warn') }}
-- Sales without a client, postage as a service, unit prices as amounts: a person has to look.
select * from {{ ref('suspicious_data') }}
