-- The tables of WordPress and of WooCommerce with High-Performance Order Storage that the preset reads, with their
-- columns, types and keys as the two create them. Said so that SQLite takes it too: keys of text have no length, and
-- nothing counts by itself.

CREATE TABLE wp_users (
    ID bigint unsigned NOT NULL PRIMARY KEY,
    user_login varchar(60) NOT NULL DEFAULT '',
    user_pass varchar(255) NOT NULL DEFAULT '',
    user_nicename varchar(50) NOT NULL DEFAULT '',
    user_email varchar(100) NOT NULL DEFAULT '',
    user_url varchar(100) NOT NULL DEFAULT '',
    user_registered datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
    user_activation_key varchar(255) NOT NULL DEFAULT '',
    user_status int NOT NULL DEFAULT 0,
    display_name varchar(250) NOT NULL DEFAULT ''
);
CREATE INDEX users_email ON wp_users (user_email);

CREATE TABLE wp_usermeta (
    umeta_id bigint unsigned NOT NULL PRIMARY KEY,
    user_id bigint unsigned NOT NULL DEFAULT 0,
    meta_key varchar(255) NULL,
    meta_value longtext NULL
);
CREATE INDEX usermeta_user_id ON wp_usermeta (user_id);
CREATE INDEX usermeta_meta_key ON wp_usermeta (meta_key);

CREATE TABLE wp_posts (
    ID bigint unsigned NOT NULL PRIMARY KEY,
    post_author bigint unsigned NOT NULL DEFAULT 0,
    post_date_gmt datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
    post_title text NOT NULL,
    post_status varchar(20) NOT NULL DEFAULT 'publish',
    post_name varchar(200) NOT NULL DEFAULT '',
    post_parent bigint unsigned NOT NULL DEFAULT 0,
    post_type varchar(20) NOT NULL DEFAULT 'post'
);

CREATE TABLE wp_terms (
    term_id bigint unsigned NOT NULL PRIMARY KEY,
    name varchar(200) NOT NULL DEFAULT '',
    slug varchar(200) NOT NULL DEFAULT '',
    term_group bigint NOT NULL DEFAULT 0
);

CREATE TABLE wp_term_taxonomy (
    term_taxonomy_id bigint unsigned NOT NULL PRIMARY KEY,
    term_id bigint unsigned NOT NULL DEFAULT 0,
    taxonomy varchar(32) NOT NULL DEFAULT '',
    description longtext NOT NULL,
    parent bigint unsigned NOT NULL DEFAULT 0,
    count bigint NOT NULL DEFAULT 0,
    UNIQUE (term_id, taxonomy)
);

CREATE TABLE wp_term_relationships (
    object_id bigint unsigned NOT NULL DEFAULT 0,
    term_taxonomy_id bigint unsigned NOT NULL DEFAULT 0,
    term_order int NOT NULL DEFAULT 0,
    PRIMARY KEY (object_id, term_taxonomy_id)
);
CREATE INDEX term_relationships_taxonomy ON wp_term_relationships (term_taxonomy_id);

CREATE TABLE wp_wc_product_meta_lookup (
    product_id bigint NOT NULL PRIMARY KEY,
    sku varchar(100) NULL DEFAULT '',
    virtual tinyint(1) NULL DEFAULT 0,
    downloadable tinyint(1) NULL DEFAULT 0,
    min_price decimal(19, 4) NULL,
    max_price decimal(19, 4) NULL,
    onsale tinyint(1) NULL DEFAULT 0,
    stock_quantity double NULL,
    stock_status varchar(100) NULL DEFAULT 'instock',
    rating_count bigint NULL DEFAULT 0,
    average_rating decimal(3, 2) NULL DEFAULT 0.00,
    total_sales bigint NULL DEFAULT 0,
    tax_status varchar(100) NULL DEFAULT 'taxable',
    tax_class varchar(100) NULL DEFAULT ''
);

CREATE TABLE wp_wc_orders (
    id bigint unsigned NOT NULL PRIMARY KEY,
    status varchar(20) NULL,
    currency varchar(10) NULL,
    type varchar(20) NULL,
    tax_amount decimal(26, 8) NULL,
    total_amount decimal(26, 8) NULL,
    customer_id bigint unsigned NULL,
    billing_email varchar(320) NULL,
    date_created_gmt datetime NULL,
    date_updated_gmt datetime NULL,
    parent_order_id bigint unsigned NULL,
    payment_method varchar(100) NULL,
    payment_method_title text NULL,
    transaction_id varchar(100) NULL,
    ip_address varchar(100) NULL,
    user_agent text NULL,
    customer_note text NULL
);
CREATE INDEX wc_orders_date_created ON wp_wc_orders (date_created_gmt);
CREATE INDEX wc_orders_customer ON wp_wc_orders (customer_id, billing_email);
CREATE INDEX wc_orders_email ON wp_wc_orders (billing_email);
CREATE INDEX wc_orders_type_status_date ON wp_wc_orders (type, status, date_created_gmt);
CREATE INDEX wc_orders_parent ON wp_wc_orders (parent_order_id);
CREATE INDEX wc_orders_date_updated ON wp_wc_orders (date_updated_gmt);

CREATE TABLE wp_wc_order_addresses (
    id bigint unsigned NOT NULL PRIMARY KEY,
    order_id bigint unsigned NOT NULL,
    address_type varchar(20) NULL,
    first_name text NULL,
    last_name text NULL,
    company text NULL,
    address_1 text NULL,
    address_2 text NULL,
    city text NULL,
    state text NULL,
    postcode text NULL,
    country text NULL,
    email varchar(320) NULL,
    phone varchar(100) NULL,
    UNIQUE (address_type, order_id)
);

CREATE TABLE wp_wc_order_operational_data (
    id bigint unsigned NOT NULL PRIMARY KEY,
    order_id bigint unsigned NULL UNIQUE,
    created_via varchar(100) NULL,
    woocommerce_version varchar(20) NULL,
    prices_include_tax tinyint(1) NULL,
    coupon_usages_are_counted tinyint(1) NULL,
    download_permission_granted tinyint(1) NULL,
    cart_hash varchar(100) NULL,
    new_order_email_sent tinyint(1) NULL,
    order_key varchar(100) NULL,
    order_stock_reduced tinyint(1) NULL,
    date_paid_gmt datetime NULL,
    date_completed_gmt datetime NULL,
    shipping_tax_amount decimal(26, 8) NULL,
    shipping_total_amount decimal(26, 8) NULL,
    discount_tax_amount decimal(26, 8) NULL,
    discount_total_amount decimal(26, 8) NULL,
    recorded_sales tinyint(1) NULL
);

CREATE TABLE wp_wc_orders_meta (
    id bigint unsigned NOT NULL PRIMARY KEY,
    order_id bigint unsigned NULL,
    meta_key varchar(255) NULL,
    meta_value text NULL
);

CREATE TABLE wp_woocommerce_order_items (
    order_item_id bigint unsigned NOT NULL PRIMARY KEY,
    order_item_name text NOT NULL,
    order_item_type varchar(200) NOT NULL DEFAULT '',
    order_id bigint unsigned NOT NULL
);
CREATE INDEX order_items_order ON wp_woocommerce_order_items (order_id);

CREATE TABLE wp_woocommerce_order_itemmeta (
    meta_id bigint unsigned NOT NULL PRIMARY KEY,
    order_item_id bigint unsigned NOT NULL,
    meta_key varchar(255) NULL,
    meta_value longtext NULL
);
CREATE INDEX order_itemmeta_item ON wp_woocommerce_order_itemmeta (order_item_id);
CREATE INDEX order_itemmeta_key ON wp_woocommerce_order_itemmeta (meta_key);
