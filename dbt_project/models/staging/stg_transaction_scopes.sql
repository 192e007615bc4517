select distinct {{ clean_id('source_partner_id') }} as source_partner_id
from {{ source('raw', 'transactions') }}
